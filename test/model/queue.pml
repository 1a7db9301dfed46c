/*
 * A line of messages: native/queues/line.h, message_queue.cc, and of message_recovery.cc what was
 * being put and what was being taken.
 *
 * Two producers put into a first ring of two slots, which fills and ends, and a second one of four.
 * Two consumers take one message at a time. Any of them may be killed before any step; a reaper then
 * looks after it. Shown: what is in a slot is got once, and in order; what a dead consumer was taking
 * and had not let go comes back; nothing is given out that was not put; no block is left behind.
 */
// runs: FIRST=2,SECOND=0,CONSUMERS=2,DEATHS=1 FIRST=1,SECOND=1,CONSUMERS=1,DEATHS=2
// mutants: NOT_ANNOUNCED_BEFORE_TAKING NOT_ANNOUNCED_BEFORE_PUTTING NOTHING_IS_WRITTEN_DOWN REAPER_TAKES_IT_AS_TAKEN REAPER_ASKS_NO_TAKERS HEAD_WITHOUT_SWAP

#define BLOCKS 5           /* 1 is the end mark */
#define END 1
mtype = { owned, queued, free };

typedef Slot { byte lap; byte block };
Slot slot[6];              /* 0, 1: the first ring; 2 to 5: the second */
byte head, tail, base;     /* base: 1 + the first position of the second ring, or 0 */
mtype state[BLOCKS];
byte position[BLOCKS];
byte taker;                /* the other half of the head */
byte confirmed[5];         /* what was written down of each: the end of its last take */
byte publishing[5], taking[5], block[5]; /* the announcements of each process; taking: 1 + position */
bool dead[5], over[5], reaped[5];
byte deaths;

/* What nobody but the assertions looks at. */
bool put[BLOCKS], seen_by_dead[BLOCKS], back[BLOCKS];
byte got[BLOCKS];

#define IN_SECOND(p) (base != 0 && p >= base - 1)
#define PLACE(p) (IN_SECOND(p) -> 2 + (p - (base - 1)) % 4 : p % 2)
#define LAP(p) (IN_SECOND(p) -> 1 + (p - (base - 1)) / 4 : 1 + p / 2)

#define SETTLED(who) (over[who] || reaped[who])

inline NoteBase(p) {
  atomic {
    if
    :: base == 0 -> base = p + 1
    :: else
    fi
  }
}

inline Put(b) { /* MessageQueue::TryPut, Line::Publish, Line::Grow */
#ifndef NOT_ANNOUNCED_BEFORE_PUTTING
  publishing[_pid] = b;
#endif
  state[b] = queued;
  do
  :: true ->
    p = tail;
    d_step {
      at = PLACE(p); lap = LAP(p); second = IN_SECOND(p);
      seen.lap = slot[at].lap; seen.block = slot[at].block
    };
    if
    :: seen.lap == lap && seen.block == END -> NoteBase(p)
    :: seen.lap == lap && seen.block != END ->
       atomic {
         if
         :: tail == p -> tail = p + 1
         :: else
         fi
       }
    :: seen.lap != lap ->
       h = head;
       if
       :: h > p
       :: h <= p &&
          !second && p - h >= 1 ->
          atomic {
            if
            :: slot[at].lap == seen.lap && slot[at].block == seen.block ->
               slot[at].lap = lap;
               slot[at].block = END
            :: else
            fi
          }
       :: h <= p && (second || p - h < 1) ->
          position[b] = p;
          atomic {
            if
            :: slot[at].lap == seen.lap && slot[at].block == seen.block ->
               slot[at].lap = lap;
               slot[at].block = b;
               put[b] = true
            :: else -> p = 255
            fi
          };
          if
          :: p == 255
          :: else ->
             atomic {
               if
               :: tail == p -> tail = p + 1
               :: else
               fi
             };
             break
          fi
       fi
    fi
  od;
  atomic { publishing[_pid] = 0; p = 0; h = 0; at = 0; lap = 0; second = false; seen.lap = 0; seen.block = 0 }
}

proctype Producer(byte first, count) {
  byte b, p, h, at, lap;
  bool second;
  Slot seen;
  {
    b = first;
    do
    :: b < first + count -> Put(b); b++
    :: else -> break
    od;
    over[_pid] = true
  } unless { dead[_pid] }
}

#define IS_FILLED(p) (slot[PLACE(p)].lap == LAP(p))

proctype Consumer() { /* MessageQueue::TakeFrom, Line::Take */
  byte p, last, last1, last2;
  bool ending;
  Slot seen;
  {
    do
    :: IS_FILLED(head) || SETTLED(1) && SETTLED(2) ->
      ending = SETTLED(1) && SETTLED(2); /* looked at before the line is */
      d_step { p = head; last = taker };
      d_step { seen.block = 0; if :: IS_FILLED(p) -> seen.block = slot[PLACE(p)].block :: else fi };
      if
      :: seen.block == 0 && head == p && ending -> break
      :: seen.block == 0 && !(head == p && ending)
      :: seen.block == END -> NoteBase(p)
      :: seen.block > END ->
#ifndef NOT_ANNOUNCED_BEFORE_TAKING
         d_step { taking[_pid] = p + 1; block[_pid] = seen.block };
#endif
#ifndef NOTHING_IS_WRITTEN_DOWN
         d_step { if :: last != _pid && confirmed[last] < p -> confirmed[last] = p :: else fi };
#endif
         d_step {
           if
#ifdef HEAD_WITHOUT_SWAP
           :: true -> head = p + 1; taker = _pid
#else
           :: head == p && taker == last -> head = p + 1; taker = _pid
           :: else -> p = 255
#endif
           fi
         };
         if
         :: p == 255
         :: else ->
            d_step { /* the message is copied */
              got[seen.block]++;
              seen_by_dead[seen.block] = true;
              assert(put[seen.block] && got[seen.block] == 1);
              assert(state[seen.block] == queued);
              if
              :: seen.block < 2 + FIRST -> assert(seen.block > last1); last1 = seen.block
              :: else -> assert(seen.block > last2); last2 = seen.block
              fi
            };
            d_step { state[seen.block] = free; seen_by_dead[seen.block] = false }
         fi;
         atomic { taking[_pid] = 0; block[_pid] = 0 }
      fi;
      atomic { p = 0; last = 0; seen.block = 0; ending = false }
    od;
    over[_pid] = true
  } unless { dead[_pid] }
}

#define TAKES(who, p, b) (taking[who] == p + 1 && block[who] == b)
#ifdef REAPER_TAKES_IT_AS_TAKEN
#define WAS_TAKEN(who) true
#else
#define WAS_TAKEN(who) \
  (head == taking[who] && taker == who || head >= taking[who] && confirmed[who] == taking[who])
#endif

proctype Reaper() { /* each row once; what it looks at may change between its looks */
  byte who, b, p;
  bool is_put;
  end: do
  :: d_step { dead[1] && !reaped[1] -> who = 1; b = publishing[1] }; goto publish
  :: d_step { dead[2] && !reaped[2] -> who = 2; b = publishing[2] }; goto publish
  :: d_step { dead[3] && !reaped[3] -> who = 3; b = block[3] }; goto take
  :: d_step { dead[4] && !reaped[4] -> who = 4; b = block[4] }; goto take
  od;

publish: /* MessageRecovery::SettlePublish */
  if
  :: b != 0 && state[b] == queued ->
     p = position[b];
     if
     :: p >= head -> is_put = IS_FILLED(p) && slot[PLACE(p)].block == b
#ifdef REAPER_ASKS_NO_TAKERS
     :: p < head -> is_put = false
#else
     :: p < head ->
        is_put = TAKES(3, p, b);
        is_put = is_put || TAKES(4, p, b)
#endif
     fi;
     d_step {
       if
       :: !is_put && state[b] == queued -> assert(!put[b]); state[b] = free
       :: else
       fi
     }
  :: else
  fi;
  atomic { publishing[who] = 0; reaped[who] = true; who = 0; b = 0; p = 0; is_put = false };
  goto end;

take: /* MessageRecovery::CollectTaken; a free block's word is another afterwards */
  if
  :: b != 0 && WAS_TAKEN(who) ->
     d_step {
       if
       :: state[b] == queued && position[b] + 1 == taking[who] ->
          /* Put, and taken by the dead. */
          assert(put[b] && !back[b] && (got[b] == 0 || seen_by_dead[b]));
          back[b] = true;
          state[b] = owned
       :: else
       fi
     }
  :: else
  fi;
  atomic { taking[who] = 0; block[who] = 0; reaped[who] = true; who = 0; b = 0 };
  goto end
}

proctype Killer() {
  end: do
  :: deaths < DEATHS && !over[1] && !dead[1] -> atomic { dead[1] = true; deaths++ }
  :: deaths < DEATHS && !over[2] && !dead[2] -> atomic { dead[2] = true; deaths++ }
  :: deaths < DEATHS && !over[3] && !dead[3] -> atomic { dead[3] = true; deaths++ }
  :: deaths < DEATHS && !over[4] && !dead[4] -> atomic { dead[4] = true; deaths++ }
  od
}

init {
  byte b;
  bool in_line;
  atomic {
    b = 2;
    do
    :: b < BLOCKS -> state[b] = owned; b++
    :: else -> break
    od;
    run Producer(2, FIRST);
    run Producer(2 + FIRST, SECOND);
    run Consumer();
    if
    :: CONSUMERS == 2 -> run Consumer()
    :: else -> over[4] = true
    fi;
    run Reaper();
    run Killer()
  };
  atomic {
    SETTLED(1) && SETTLED(2) && SETTLED(3) && SETTLED(4) ->
    b = 2;
    do
    :: b < 2 + FIRST + SECOND ->
       in_line = put[b] && position[b] >= head;
       /* Put: got by one, or come back, or still there. Not put: nowhere. */
       assert(!put[b] || got[b] + in_line + back[b] >= 1);
       assert(!put[b] || in_line + back[b] + (got[b] && !back[b]) == 1);
       assert(put[b] || got[b] + back[b] == 0);
       /* No block is left that says it is in the queue and is not. */
       assert(state[b] != queued || in_line);
       /* And while somebody is there to get, nothing stays. */
       assert(!in_line || dead[3] && (dead[4] || CONSUMERS == 1));
       b++
    :: else -> break
    od
  }
}
