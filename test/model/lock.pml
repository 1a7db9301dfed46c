/*
 * The lock: acquire, hand over, give up, die with it (native/sync/lock.cc, sync_object.cc).
 *
 * Participants wait, asleep or in their loop, may be given the lock, may give up, and may be killed
 * before any step; so may the reaper, whose place another one takes. A loop of load and swap that
 * looks at nothing else is one step, and so is a ring: wake.pml shows that it reaches whoever has
 * armed. Shown: mutual exclusion; whoever gets the lock of somebody who died inside is told so; when
 * nothing can move any more, the lock is free and nobody who lives still waits.
 */
// runs: THREE=0,DEATHS=3 THREE=1,DEATHS=1
// mutants: NO_NUDGE NO_LOOK_AFTER_GRANT WORD_THEN_BITS NO_FLAG SILENT_DEATH RELEASE_WITHOUT_NUDGE

#define WAITERS 1 /* the word: flags, and the owner above them */
#define ABANDONED 2
#define GRANTED 4
#define OWNER(value) (value >> 3)
#define WORD(who) (who << 3)
#define FREE(value) (OWNER(value) == 0)
#define OF_THE_DEAD(value) (OWNER(value) != 0 && dead[OWNER(value)])

byte word;
bool waiting[4], handover[4]; /* bits of the object */
bool told[4];                 /* rung since it armed */
bool inside[4], dead[5], recovered[4], ended[4];
bool half_done; /* somebody entered and has not left */

#define SOMEBODY_WAITS (waiting[1] || waiting[2] || waiting[3])
#define WAITS(who) (waiting[who] && !dead[who])

inline Pick() { /* PickWaiter, in any turn; passes over the dead */
  if
  :: WAITS(1) -> next = 1
  :: WAITS(2) -> next = 2
  :: WAITS(3) -> next = 3
  :: else -> next = 0
  fi
}

#ifdef SILENT_DEATH
#define FROM_THE_DEAD 0
#else
#define FROM_THE_DEAD (word & GRANTED -> 0 : ABANDONED)
#endif

inline Nudge() { /* NudgeWaiters, TakeFromTheDead */
  do
  :: atomic {
       seen = word;
       if
       :: OF_THE_DEAD(word) -> word = FROM_THE_DEAD
       :: FREE(word) && (word & ABANDONED) -> /* RingAllWaiters */
          told[1] = true; told[2] = true; told[3] = true;
          break
       :: else
       fi
     };
     atomic {
       if
       :: OF_THE_DEAD(seen)
#ifdef NO_LOOK_AFTER_GRANT
       :: !OF_THE_DEAD(seen) && (seen & GRANTED) -> told[OWNER(seen)] = true; break
#else
       :: !OF_THE_DEAD(seen) && (seen & GRANTED) && waiting[OWNER(seen)] ->
          told[OWNER(seen)] = true; break
       :: !OF_THE_DEAD(seen) && (seen & GRANTED) && !waiting[OWNER(seen)] ->
          next = 0 /* it gave up before it could know */
#endif
       :: !OF_THE_DEAD(seen) && !FREE(seen) && !(seen & GRANTED) ->
          if
          :: (seen & WAITERS) || !SOMEBODY_WAITS -> break
          :: else -> next = 0
          fi
       :: FREE(seen) ->
          Pick();
          if
          :: next == 0 -> break
          :: next != 0 && !handover[next] -> told[next] = true; break
          :: else
          fi
       fi
     };
     d_step {
       if
       :: word != seen || OF_THE_DEAD(seen)
       :: else ->
          if
          :: FREE(seen) -> word = WORD(next) | GRANTED | WAITERS
          :: seen & GRANTED -> word = 0
          :: else -> word = seen | WAITERS
          fi
       fi;
       next = 0
     }
  od;
  atomic { seen = 0; next = 0 }
}

inline Attempt() { /* Lock::Attempt */
  do
  :: atomic {
       if
       :: FREE(word) && (word & ABANDONED) && !takes -> got = abandoned; break
       :: FREE(word) && !((word & ABANDONED) && !takes) ->
          got = (word & ABANDONED -> done_abandoned : done);
          word = WORD(me) | WAITERS;
          break
       :: OWNER(word) == me && (word & GRANTED) -> got = done; word = WORD(me) | WAITERS; break
       :: OF_THE_DEAD(word) -> word = FROM_THE_DEAD
       :: else ->
#ifndef NO_FLAG
          word = word | WAITERS;
#endif
          break
       fi
     };
     Nudge()
  od
}

inline GiveBack() { /* Lock::GiveBack */
  d_step {
    if
    :: OWNER(word) == me && (word & GRANTED) -> word = 0
    :: else
    fi
  }
}

inline Wait() { /* WaitPoint::WaitSync and WaitAsync */
  waiting[me] = true; /* JoinWaiting */
  do
  :: atomic {
       if /* async: from the start; sync: when it was woken in vain too often */
       :: handover[me] = true
       :: !THREE || me == 3 -> skip
       fi
     };
     told[me] = false; /* ArmWakeWord */
     Attempt();
     if
     :: got != pending -> break
     :: got == pending && told[me]
     :: got == pending && !patient -> break /* cancelled, or its time is over */
     fi
  od;
#ifdef WORD_THEN_BITS
  GiveBack();
#endif
  handover[me] = false; /* EndWait */
  waiting[me] = false;
#ifndef WORD_THEN_BITS
  GiveBack();
#endif
  if
  :: SOMEBODY_WAITS -> Nudge()
  :: else
  fi
}

inline Release() { /* Lock::Release */
  do
  :: atomic {
       seen = word;
       if
       :: !(seen & WAITERS) -> word = 0; seen = 0; break
       :: else -> Pick(); next = (next != 0 && handover[next] -> WORD(next) | GRANTED | WAITERS : 0)
       fi
     };
     atomic {
       if
       :: word == seen -> word = next; next = 0; break
       :: else
       fi
     }
  od;
#ifndef RELEASE_WITHOUT_NUDGE
  if
  :: seen != 0 -> Nudge()
  :: else
  fi
#endif
}

mtype = { pending, done, done_abandoned, abandoned };

proctype Locker(byte me; bool takes; bool patient) {
  mtype got = pending;
  byte seen, next;
  {
    atomic { /* TakeFree; the first has it at the start */
      if
      :: word == 0 -> word = WORD(me); got = done
      :: me == 1 -> got = done
      :: else
      fi
    };
    if
    :: got == pending -> Wait()
    :: else
    fi;
    if
    :: got == done || got == done_abandoned ->
       atomic {
         assert(!(inside[1] && !dead[1]) && !(inside[2] && !dead[2]) && !(inside[3] && !dead[3]));
         assert(!half_done || got == done_abandoned);
         inside[me] = true; half_done = true
       };
       atomic { inside[me] = false; half_done = false };
       Release()
    :: else
    fi;
    atomic { ended[me] = true; got = pending; takes = false; patient = false }
  } unless { dead[me] -> atomic { got = pending; takes = false; patient = false; seen = 0; next = 0 } }
}

proctype Reaper() { /* Lock::Recover for each of the dead; dead itself, the next one begins again */
  byte who, seen, next;
  do
  :: {
       do
       :: if
          :: dead[1] && !recovered[1] -> who = 1
          :: dead[2] && !recovered[2] -> who = 2
          :: dead[3] && !recovered[3] -> who = 3
          fi;
          handover[who] = false; /* LeaveWaiting */
          waiting[who] = false;
          do
          :: atomic { OWNER(word) == who -> word = FROM_THE_DEAD }
          :: OWNER(word) != who -> break
          od;
#ifndef NO_NUDGE
          Nudge();
#endif
          atomic { recovered[who] = true; who = 0 }
       od
     } unless { dead[4] -> atomic { dead[4] = false; who = 0; seen = 0; next = 0 } }
  od
}

proctype Death() {
  byte left = DEATHS;
  do
  :: left > 0 ->
     atomic {
       left--;
       if
       :: !dead[1] && !ended[1] -> dead[1] = true
       :: !dead[2] && !ended[2] -> dead[2] = true
       :: !dead[3] && !ended[3] -> dead[3] = true
       :: dead[4] = true
       fi
     }
  :: break
  od
}

#define STANDS(who) (dead[who] || ended[who])

proctype Standstill() {
  timeout -> assert(OWNER(word) == 0 && STANDS(1) && STANDS(2) && STANDS(3))
}

init { /* roles, so that not every order of equals is looked at */
  bool takes, patient; /* take_abandoned; waits for ever */
  atomic {
    if
    :: takes = true
    :: !THREE -> takes = false
    fi;
    if
    :: !THREE -> patient = true
    :: patient = false
    fi;
    word = WORD(1);
    run Reaper(); run Death(); run Standstill();
    run Locker(1, true, true);
    run Locker(2, takes, patient);
#if THREE
    run Locker(3, true, true)
#else
    ended[3] = true
#endif
  }
}
