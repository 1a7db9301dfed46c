/*
 * Arm, ring, look again: native/shm/wake.h and Participant::Ring (native/shm/participant.cc).
 *
 * A waiter takes items, as often asleep on the futex as in its event loop; two wakers bring them,
 * and a reaper stands in for wakers that died. Wakers and reapers may be killed before any step.
 * Shown: when nothing can move any more, the waiter has taken every item. Nobody looks again because
 * time has passed: what the safety deadline of WaitPoint::SleepOnce would repair counts as lost.
 *
 * Memory is sequentially consistent, as are the operations of the code at these places.
 */
// mutants: LOOK_THEN_ARM BIT_THEN_CHANGE FUTEX_RING_THEN_MARK FUTEX_TOLD_THEN_RING DOORBELL_MARK_THEN_RING NO_NUMBER BEING_RUNG_IS_TOLD NO_NUDGE

mtype = { awake, asleep, being_rung, rung_asleep, armed, rung_armed };
mtype state = awake; /* the wake word. Its number is told by: */
bool current[3];     /* whether the word that this process saw is of the present arming */
bool in_kernel;      /* the futex: the waiter sleeps on the word */
bool pipe;           /* the doorbell is readable */
bool waits;          /* its bit in SharedObject::waiting */
byte items;          /* what is waited for */
bool dead[4], recovered[3];

inline Mark(from, told) { /* a swap of the word of the arming that was seen */
  d_step {
    if
#ifdef NO_NUMBER
    :: state == from -> state = told
#else
    :: state == from && current[me] -> state = told
#endif
    :: else
    fi
  }
}

inline Ring() { /* Participant::Ring */
  d_step { seen = state; current[me] = true };
  if
#ifdef FUTEX_RING_THEN_MARK
  :: seen == asleep -> in_kernel = false; Mark(asleep, rung_asleep)
#else
#ifdef FUTEX_TOLD_THEN_RING
  :: seen == asleep -> Mark(asleep, rung_asleep); in_kernel = false
#else
  :: seen == asleep -> Mark(asleep, being_rung); in_kernel = false; Mark(being_rung, rung_asleep)
#endif
#endif
#ifndef BEING_RUNG_IS_TOLD
  :: seen == being_rung -> in_kernel = false; Mark(being_rung, rung_asleep)
#endif
#ifdef DOORBELL_MARK_THEN_RING
  :: seen == armed -> Mark(armed, rung_armed); pipe = true
#else
  :: seen == armed -> pipe = true; Mark(armed, rung_armed)
#endif
  :: else
  fi;
  Forget()
}

inline Forget() { d_step { seen = awake; current[me] = false } } /* fewer states to look at */

inline Arm() { /* ArmWakeWord: a new number */
  d_step { state = kind; current[1] = false; current[2] = false }
}

inline Look() { /* WaitPoint::Attempt */
  d_step {
    got = items > 0;
    if
    :: got -> items--
    :: else
    fi
  }
}

active proctype Waiter() {
  mtype kind; bool got;
  do
  :: waits = true; /* JoinWaiting */
     do
     :: if /* WaitPoint::SleepOnce, or Participant::ArmDoorbell */
        :: kind = asleep
        :: kind = armed
        fi;
#ifdef LOOK_THEN_ARM
        Look(); Arm();
#else
        Arm(); Look();
#endif
        if
        :: got
        :: !got && kind == asleep ->
           in_kernel = (state == asleep); /* FutexWait: nobody else changes the number */
           !in_kernel
        :: !got && kind == armed -> pipe /* epoll */
        fi;
        state = awake; /* DisarmWakeWord */
        if
        :: kind == armed -> pipe = false /* SilenceDoorbell, after the disarm */
        :: else
        fi;
        d_step { kind = awake };
        if
        :: got -> break
        :: else
        fi
     od;
     atomic { got = false; waits = false } /* LeaveWaiting */
  od
}

inline Bring() {
#ifdef BIT_THEN_CHANGE
  if
  :: waits -> items++; Ring()
  :: else -> items++
  fi
#else
  items++; /* the change */
  if
  :: waits -> Ring()
  :: else
  fi
#endif
}

active proctype First() {
  mtype seen = awake; byte me = 1;
  {
    Bring()
  } unless { dead[1] -> Forget() }
}

active proctype Second() {
  mtype seen = awake; byte me = 2, who;
  {
    Bring(); Bring()
  } unless { dead[2] -> Forget() };
  do /* Reaper::Run on behalf of the dead; dead itself, the next one begins again */
  :: {
       do
       :: if
          :: dead[1] && !recovered[1] -> who = 1
          :: dead[2] && !recovered[2] -> who = 2
          fi;
#ifndef NO_NUDGE
          if /* WaitPoint::Nudge */
          :: items > 0 && waits -> Ring()
          :: else
          fi;
#endif
          d_step { recovered[who] = true; who = 0 }
       od
     } unless { dead[3] -> atomic { dead[3] = false; who = 0; Forget() } }
  od
}

active proctype Death() {
  do
  :: !dead[1] -> dead[1] = true
  :: !dead[2] -> dead[2] = true
  :: !dead[3] -> dead[3] = true; break
  :: break
  od
}

active proctype Standstill() {
  timeout -> assert(items == 0)
}
