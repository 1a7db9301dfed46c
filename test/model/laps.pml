/*
 * A ring that goes round: native/queues/line.h, Publish and Take, of a bounded line.
 *
 * Two producers put four messages into two slots, one or two consumers take them. A producer remembers where the head
 * was when it looked last. Any of them may be killed before any step, and nobody looks after it. Shown: no message is
 * written over before it is taken, each that is put is got once, in the order of its producer, by whoever is left; and
 * nobody waits for the dead: a put is tried again only as often as somebody else has gone on.
 */
// runs: FIRST=3,SECOND=1,CONSUMERS=1,DEATHS=1 FIRST=2,SECOND=1,CONSUMERS=2,DEATHS=0
// mutants: NO_HELP NO_LAP NO_BOUND FULL_IS_NOT_LOOKED_UP HEAD_WITHOUT_SWAP

#define SLOTS 2
#define ALL (FIRST + SECOND)
#define MOST_TRIES 24

typedef Slot { byte lap; byte message };
Slot slot[SLOTS];
byte head, tail;
bool dead[5], over[5];
byte deaths;

/* What nobody but the assertions looks at. */
byte put, taken, got[6];
bool is_put[6];

#define LAP(p) (1 + (p) / SLOTS)
#define SETTLED(who) (over[who] || dead[who])

inline Put(b) { /* Line::Publish */
  tries = 0;
  do
  :: true ->
    tries++;
    assert(tries < MOST_TRIES);
    p = tail;
    d_step { seen.lap = slot[p % SLOTS].lap; seen.message = slot[p % SLOTS].message };
    if
    :: seen.lap == LAP(p) ->
#ifndef NO_HELP
       atomic {
         if
         :: tail == p -> tail = p + 1
         :: else
         fi
       }
#else
       skip
#endif
    :: seen.lap != LAP(p) &&
#ifdef NO_LAP
       known > p ->
#else
       (seen.lap != LAP(p) - 1 || known > p) ->
#endif
       known = head
    :: seen.lap != LAP(p) &&
#ifdef NO_LAP
       known <= p ->
#else
       seen.lap == LAP(p) - 1 && known <= p ->
#endif
#ifdef NO_BOUND
       if
       :: true ->
#else
       if
       :: p - known >= SLOTS ->
#ifdef FULL_IS_NOT_LOOKED_UP
          known++
#else
          if
          :: head != known -> known = head
          :: head == known -> /* full: until there is room, or nobody to make any */
             (head != known || SETTLED(3) && SETTLED(4));
             tries = 0;
             if
             :: head == known -> break
             :: else -> known = head
             fi
          fi
#endif
       :: p - known < SLOTS ->
#endif
          atomic {
            if
            :: slot[p % SLOTS].lap == seen.lap && slot[p % SLOTS].message == seen.message ->
               slot[p % SLOTS].lap = LAP(p);
               slot[p % SLOTS].message = b;
               is_put[b] = true;
               put++;
               assert(put - taken <= SLOTS)
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
  atomic { p = 0; seen.lap = 0; seen.message = 0; tries = 0 }
}

proctype Producer(byte first, count) {
  byte b, p, known, tries;
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

#define IS_FILLED(p) (slot[(p) % SLOTS].lap == LAP(p))

proctype Consumer() { /* Line::Take */
  byte p, last1, last2;
  Slot seen;
  {
    do
    :: IS_FILLED(head) || SETTLED(1) && SETTLED(2) ->
      p = head;
      d_step { seen.lap = slot[p % SLOTS].lap; seen.message = slot[p % SLOTS].message };
      if
      :: seen.lap != LAP(p) ->
         if
         :: SETTLED(1) && SETTLED(2) && head == p && !IS_FILLED(p) -> break
         :: else
         fi
      :: seen.lap == LAP(p) ->
         d_step {
           if
#ifdef HEAD_WITHOUT_SWAP
           :: true ->
#else
           :: head == p ->
#endif
              head = p + 1;
              taken++;
              got[seen.message]++;
              assert(got[seen.message] == 1);
              if
              :: seen.message <= FIRST -> assert(seen.message > last1); last1 = seen.message
              :: else -> assert(seen.message > last2); last2 = seen.message
              fi
           :: else
           fi
         }
      fi;
      atomic { p = 0; seen.lap = 0; seen.message = 0 }
    od;
    over[_pid] = true
  } unless { dead[_pid] }
}

proctype Killer() {
  end: do
  :: deaths < DEATHS && !over[1] && !dead[1] -> atomic { dead[1] = true; deaths++ }
  :: deaths < DEATHS && !over[2] && !dead[2] -> atomic { dead[2] = true; deaths++ }
  :: deaths < DEATHS && !over[3] && !dead[3] -> atomic { dead[3] = true; deaths++ }
  od
}

init {
  byte b;
  atomic {
    run Producer(1, FIRST);
    run Producer(1 + FIRST, SECOND);
    run Consumer();
    if
    :: CONSUMERS == 2 -> run Consumer()
    :: else -> over[4] = true
    fi;
    run Killer()
  };
  atomic {
    SETTLED(1) && SETTLED(2) && SETTLED(3) && SETTLED(4) ->
    b = 1;
    do
    :: b <= ALL ->
       assert(is_put[b] || got[b] == 0);
       assert(!is_put[b] || got[b] == 1 || dead[3]);
       b++
    :: else -> break
    od
  }
}
