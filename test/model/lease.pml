/*
 * The reaper's lease, and a row from joining to its next owner: native/shm/reaper.cc, and Join and
 * Leave in participant.cc.
 *
 * Participants join, reap when there is something to do, leave, and may be killed before any step,
 * all but one. Of a death the token says so first; that the thread has ended is seen later. Shown:
 * one reaper at a time; nothing is given back or freed that belongs to somebody who lives; in the
 * end neither the lease nor a row is left with the dead, and what they held has been given back.
 */
// mutants: LEASE_STAYS_WITH_THE_DEAD NO_LEASE MARK_THEN_GIVE_BACK FREE_WITHOUT_ASKING LEAVE_FREES_AT_ONCE PASSING_IS_LEFT_ALONE

#define ROWS 3
mtype = { free, passing, live, suspect, recovered };

typedef Row {
  mtype state;     /* the identity word: state, */
  byte generation; /* generation, */
  byte thread;     /* and thread, which is the number of a process here */
  byte token;      /* whose death the kernel will mark there */
  bool holds       /* the ledger is not empty */
};
Row row[4];        /* 0 is nobody */
byte lease;        /* generation and row: */
#define STAMP(id) (row[id].generation * 4 + id)
bool dead[4], gone[4], reaping[4]; /* by process */

#define REAPS(who) (reaping[who] && !dead[who])
#define TOKEN_DIED(id) dead[row[id].token]
#define ALIVE(stamp) /* Segment::IsAlive */ \
  (STAMP(stamp % 4) == stamp && row[stamp % 4].state == live && !TOKEN_DIED(stamp % 4))
#ifdef PASSING_IS_LEFT_ALONE
#define SUSPICIOUS(id) (row[id].state == live && TOKEN_DIED(id))
#else
#define SUSPICIOUS(id) (row[id].state == live && TOKEN_DIED(id) || row[id].state == passing && gone[row[id].thread])
#endif
#define TO_DO(id) (SUSPICIOUS(id) || row[id].state == suspect || row[id].state == recovered && gone[row[id].thread])
#ifdef LEASE_STAYS_WITH_THE_DEAD
#define MAY_TAKE(seen) (seen == 0)
#else
#define MAY_TAKE(seen) (seen == 0 || !ALIVE(seen))
#endif

inline FindSuspects() { /* Reaper::FindSuspects; a swap of the word that was seen is one step */
  for (id : 1 .. ROWS) {
    atomic {
      if
      :: SUSPICIOUS(id) -> row[id].state = suspect
      :: else
      fi
    }
  }
}

inline TakeLease() { /* Reaper::TakeLease */
  atomic {
    seen = lease;
    if
    :: MAY_TAKE(seen)
    :: else -> seen = 255
    fi
  };
  atomic {
    if
#ifdef NO_LEASE
    :: true ->
#else
    :: lease == seen ->
#endif
       lease = STAMP(mine);
       reaping[me] = true;
       assert(REAPS(1) + REAPS(2) + REAPS(3) == 1)
    :: else
    fi;
    seen = 0
  }
}

/* Of nobody who lives: who left with something in its ledger has said so by the state. */
inline GiveBack() { atomic { assert(row[id].state != live || TOKEN_DIED(id)); row[id].holds = false } }
inline MarkRecovered() { atomic { assert(row[id].state == suspect); row[id].state = recovered } }

inline Reap() { /* Reaper::Run */
  FindSuspects();
  TakeLease();
  if
  :: reaping[me] ->
     for (id : 1 .. ROWS) {
       if
       :: row[id].state == suspect ->
#ifdef MARK_THEN_GIVE_BACK
          MarkRecovered(); GiveBack()
#else
          GiveBack(); MarkRecovered()
#endif
       :: else
       fi;
       if
#ifdef FREE_WITHOUT_ASKING
       :: row[id].state == recovered ->
#else
       :: row[id].state == recovered && gone[row[id].thread] -> /* FreeRow */
#endif
          atomic { /* nothing of the dead runs any more */
            assert(row[id].state == recovered && !row[id].holds && gone[row[id].thread]);
            row[id].state = free
          }
       :: else
       fi
     };
     atomic { lease = 0; reaping[me] = false } /* DropLease */
  :: else
  fi;
  id = 0
}

inline Join() { /* Participant::Join: whichever row is free */
  atomic {
    if
    :: row[1].state == free -> mine = 1
    :: row[2].state == free -> mine = 2
    :: row[3].state == free -> mine = 3
    fi;
    row[mine].state = passing; row[mine].generation++; row[mine].thread = me
  };
  row[mine].token = me; /* TakeDeathToken */
  row[mine].state = live;
  row[mine].holds = true
}

inline Leave() { /* Participant::Leave */
  if
  :: row[mine].holds = false /* nothing is open any more */
  :: skip
  fi;
#ifdef LEAVE_FREES_AT_ONCE
  row[mine].state = (row[mine].holds -> suspect : free);
  row[mine].token = 0
#else
  row[mine].state = passing;
  row[mine].token = 0; /* DropDeathToken */
  row[mine].state = (row[mine].holds -> suspect : free)
#endif
}

proctype Participant(byte me) {
  byte mine, seen, id;
  {
    Join();
    do
    :: (TO_DO(1) || TO_DO(2) || TO_DO(3)) && MAY_TAKE(lease) -> Reap() /* called again later */
    :: me == 2 -> Leave(); break
    od
  } unless { dead[me] -> atomic { mine = 0; seen = 0; id = 0 } }
}

proctype Death() { /* 3 lives */
  if
  :: dead[1] = true; gone[1] = true
  :: dead[2] = true; gone[2] = true
  :: dead[1] = true; dead[2] = true; gone[2] = true; gone[1] = true
  :: dead[2] = true; dead[1] = true; gone[2] = true; gone[1] = true
  fi
}

#define LEFT_OVER(id) (row[id].thread != 0 && dead[row[id].thread] && row[id].state != free || \
                       row[id].state == free && row[id].holds || row[id].state == suspect)

proctype Standstill() {
  timeout -> assert(lease == 0 && !LEFT_OVER(1) && !LEFT_OVER(2) && !LEFT_OVER(3))
}

init {
  byte id;
  atomic {
    for (id : 1 .. ROWS) { row[id].state = free };
    run Participant(3); run Participant(1); run Participant(2); run Death(); run Standstill()
  }
}
