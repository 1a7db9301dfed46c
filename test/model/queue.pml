/*
 * A line of messages: native/queues/line.h, message_queue.cc, and of message_recovery.cc what was
 * being put and what was being taken.
 *
 * Two producers put into a first ring of two slots, which fills and ends, and a second one of four.
 * Two consumers take one message at a time. Any of them may be killed before any step; a reaper then
 * looks after it. Shown: what is in a slot is got once, and in order; what a dead consumer was taking
 * and had not let go comes back; nothing is given out that was not put; no block is left behind.
 */
// runs: FIRST=2,SECOND=1,DEATHS=1 FIRST=1,SECOND=1,DEATHS=2
// mutants: NOT_ANNOUNCED_BEFORE_TAKING NOT_ANNOUNCED_BEFORE_PUTTING REAPER_ASKS_NO_TAKERS REAPER_LOOKS_AT_THE_SLOT_ALONE NO_SLOT_IS_KEPT BASE_IS_NOT_WRITTEN_DOWN HEAD_WITHOUT_SWAP

#define BLOCKS 5           /* 1 is the end mark */
#define END 1
mtype = { owned, queued, free };

typedef Slot { byte lap; byte block };
Slot slot[6];              /* 0, 1: the first ring; 2 to 5: the second */
byte head, tail, base;     /* base: 1 + the first position of the second ring, or 0 */
mtype state[BLOCKS];
byte position[BLOCKS];
byte publishing[5], taking[5]; /* the announcements of each process; taking: 1 + position */
bool dead[5], over[5], reaped[5];
byte deaths, reapings;

/* What nobody but the assertions looks at. */
bool put[BLOCKS], seen_by_dead[BLOCKS], back[BLOCKS];
byte got[BLOCKS];

#define IN_SECOND(p) (base != 0 && p >= base - 1)
#define PLACE(p) (IN_SECOND(p) -> 2 + (p - (base - 1)) % 4 : p % 2)
#define LAP(p) (IN_SECOND(p) -> 1 + (p - (base - 1)) / 4 : 1 + p / 2)

#define SETTLED(who) (over[who] || reaped[who])

inline NoteBase(p) {
#ifdef BASE_IS_NOT_WRITTEN_DOWN
  skip
#else
  atomic {
    if
    :: base == 0 -> base = p + 1
    :: else
    fi
  }
#endif
}

inline Put(b) { /* MessageQueue::TryPut, Line::Publish, Line::Grow */
#ifndef NOT_ANNOUNCED_BEFORE_PUTTING
  publishing[_pid] = b;
#endif
  state[b] = queued;
  do
  :: true ->
    p = tail;
    atomic { at = PLACE(p); lap = LAP(p); second = IN_SECOND(p) };
    atomic { seen.lap = slot[at].lap; seen.block = slot[at].block };
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
#ifdef NO_SLOT_IS_KEPT
          !second && p - h >= 2 -> /* it was the slot for the mark */
          assert(false)
       :: h <= p && (second || p - h < 2) ->
#else
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
#endif
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
  publishing[_pid] = 0
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

proctype Consumer() { /* MessageQueue::TakeFrom, Line::Take */
  byte p, at, lap, last1, last2;
  bool ending;
  Slot seen;
  {
    do
    :: true ->
      ending = SETTLED(1) && SETTLED(2); /* looked at before the line is */
      p = head;
      atomic { at = PLACE(p); lap = LAP(p) };
      atomic { seen.lap = slot[at].lap; seen.block = slot[at].block };
      if
      :: seen.lap != lap && head == p && ending -> break
      :: seen.lap != lap && head == p && !ending
      :: seen.lap != lap && head != p
      :: seen.lap == lap && seen.block == END -> NoteBase(p)
      :: seen.lap == lap && seen.block != END ->
#ifndef NOT_ANNOUNCED_BEFORE_TAKING
         taking[_pid] = p + 1;
#endif
#ifdef HEAD_WITHOUT_SWAP
         head = p + 1;
#else
         atomic {
           if
           :: head == p -> head = p + 1
           :: else -> p = 255
           fi
         };
#endif
         if
         :: p == 255
         :: else ->
            atomic { /* the message is copied */
              got[seen.block]++;
              seen_by_dead[seen.block] = true;
              assert(put[seen.block] && got[seen.block] == 1);
              assert(state[seen.block] == queued);
              if
              :: seen.block < 2 + FIRST -> assert(seen.block > last1); last1 = seen.block
              :: else -> assert(seen.block > last2); last2 = seen.block
              fi
            };
            atomic { state[seen.block] = free; seen_by_dead[seen.block] = false }
         fi;
         taking[_pid] = 0
      fi
    od;
    over[_pid] = true
  } unless { dead[_pid] }
}

#define TAKEN_BY_ANOTHER(who, p) \
  (3 != who && taking[3] == p + 1 || 4 != who && taking[4] == p + 1)

proctype Reaper() {
  byte who, b, p, h, at;
  bool is_put, announced;
  end: do
  :: atomic { dead[1] && !reaped[1] -> who = 1 };
     b = publishing[who];
     goto publish
  :: atomic { dead[2] && !reaped[2] -> who = 2 };
     b = publishing[who];
     goto publish
  :: atomic { dead[3] && !reaped[3] -> who = 3 }; goto take
  :: atomic { dead[4] && !reaped[4] -> who = 4 }; goto take
  od;

publish: /* MessageRecovery::SettlePublish */
  if
  :: b != 0 && state[b] == queued ->
     p = position[b];
     h = head;
#ifdef REAPER_LOOKS_AT_THE_SLOT_ALONE
     h = 0;
#endif
     if
     :: p >= h -> atomic { at = PLACE(p); is_put = slot[at].block == b && slot[at].lap == LAP(p) }
#ifdef REAPER_ASKS_NO_TAKERS
     :: p < h -> is_put = false
#else
     :: p < h -> is_put = TAKEN_BY_ANOTHER(0, p)
#endif
     fi;
     atomic {
       if
       :: !is_put && state[b] == queued -> assert(!put[b]); state[b] = free
       :: else
       fi
     }
  :: else
  fi;
  publishing[who] = 0;
  atomic { reaped[who] = true; b = 0; p = 0; h = 0; at = 0; is_put = false };
  goto end;

take: /* MessageRecovery::CollectQueued; a free block's word is another afterwards */
  if
  :: taking[who] != 0 ->
     b = 2;
     do
     :: b < BLOCKS ->
        if
        :: state[b] == queued ->
           announced = publishing[1] == b || publishing[2] == b;
           if
           :: announced
           :: !announced ->
              p = position[b];
              h = head;
              if
              :: p + 1 == taking[who] && p < h && !TAKEN_BY_ANOTHER(who, p) ->
                 atomic {
                   if
                   :: state[b] == queued ->
                      /* Put, and taken by the dead alone. */
                      assert(put[b] && !back[b] && (got[b] == 0 || seen_by_dead[b]));
                      back[b] = true;
                      state[b] = owned
                   :: else
                   fi
                 }
              :: else
              fi
           fi
        :: else
        fi;
        b++
     :: else -> break
     od
  :: else
  fi;
  taking[who] = 0;
  atomic { reaped[who] = true; b = 0; p = 0; h = 0; announced = false };
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
    run Consumer();
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
       assert(!in_line || dead[3] && dead[4]);
       b++
    :: else -> break
    od
  }
}
