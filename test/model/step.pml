/*
 * Counts whose every change can be told from its being omitted: native/shm/step.h, and how carried.cc
 * counts references and marks them.
 *
 * Participants count one thing after the other, each in one of two words, and mark what they have
 * counted; they may be killed before any step. Whoever looks after the dead marks what they had
 * counted, may be killed doing it, and begins again. Then the row is another participant's. Shown: in
 * the end each word counts as many things as are marked, whoever died where.
 */
// mutants: NO_CONFIRMING CONFIRM_BEHIND ROW_BEFORE_WORD STEPS_BEGIN_ANEW MARK_FIRST UNANNOUNCE_FIRST

#define WORKERS 2
#define LIVES 3
#define THINGS 1 /* counted in each life, numbered from 1 */
#define DEATHS 1

typedef Word { byte count; byte id; byte step };
Word word[2];
typedef Row {
  byte step; bool made;             /* one word: the last step, and whether others know of it */
  byte thing; byte to; byte number; /* announced: thing 0 is nothing */
  bool dead
};
Row row[WORKERS + 1];
byte marked[2]; /* how many things, by the word that they are counted in */
bool is_marked[(WORKERS + 1) * LIVES * 4 + 4];
byte deaths, ended;

#define THING(id, life, turn) (((id) * LIVES + (life)) * 4 + (turn))
#define MAY_DIE if :: true :: deaths < DEATHS -> deaths++; goto died fi

inline Mark(what, where) { /* idempotent, as a bit is */
  d_step {
    if
    :: !is_marked[what] -> is_marked[what] = true; marked[where]++
    :: else
    fi
  }
}
inline Confirm(who, which) { /* ConfirmStep: one swap */
  d_step {
    if
    :: who != 0 && who != id && row[who].step == which -> row[who].made = true
    :: else
    fi
  }
}

proctype Worker(byte id) {
  byte life, turn, to, thing, seen_count, seen_id, seen_step;
  bool swapped;
  do
  :: life == LIVES -> break
  :: else ->
#ifdef STEPS_BEGIN_ANEW
    row[id].step = 0;
#endif
    turn = 1;
    do
    :: turn > THINGS -> break
    :: else ->
      if :: to = 0 :: to = 1 fi;
      thing = THING(id, life, turn);
      MAY_DIE;
      d_step { row[id].step++; row[id].made = false }
      MAY_DIE;
#ifdef MARK_FIRST
      Mark(thing, to);
      MAY_DIE;
#endif
      d_step { row[id].thing = thing; row[id].to = to; row[id].number = row[id].step }
      swapped = false;
      do
      :: swapped -> break
      :: else ->
        d_step { seen_count = word[to].count; seen_id = word[to].id; seen_step = word[to].step }
        MAY_DIE;
#if !defined(NO_CONFIRMING) && !defined(CONFIRM_BEHIND)
        Confirm(seen_id, seen_step);
        MAY_DIE;
#endif
        d_step {
          if
          :: word[to].count == seen_count && word[to].id == seen_id && word[to].step == seen_step ->
            word[to].count++;
            word[to].id = id;
            word[to].step = row[id].step;
            swapped = true
          :: else
          fi
        }
#ifdef CONFIRM_BEHIND
        MAY_DIE;
        Confirm(seen_id, seen_step);
#endif
      od;
      MAY_DIE;
#ifdef UNANNOUNCE_FIRST
      row[id].thing = 0;
      MAY_DIE;
#endif
      Mark(thing, to);
      MAY_DIE;
      row[id].thing = 0;
      turn++
    od;
    goto next;
died:
    row[id].dead = true;
    !row[id].dead; /* somebody has looked after it */
next:
    life++
  od;
  ended++
}

active proctype Reaper() {
  byte id;
  bool made;
  do
  :: ended == WORKERS -> break
  :: atomic { row[1].dead || row[2].dead -> id = (row[1].dead -> 1 : 2) }
    if
    :: row[id].thing == 0
    :: else ->
#ifdef ROW_BEFORE_WORD
      made = row[id].made && row[id].step == row[id].number;
      made = made || word[row[id].to].id == id && word[row[id].to].step == row[id].number;
#else
      made = word[row[id].to].id == id && word[row[id].to].step == row[id].number;
      made = made || row[id].made && row[id].step == row[id].number;
#endif
      if
      :: made -> Mark(row[id].thing, row[id].to)
      :: else
      fi;
      if
      :: true -> row[id].thing = 0
      :: deaths < DEATHS -> deaths++; goto again /* killed: the next one begins again */
      fi
    fi;
    row[id].dead = false;
again:
    id = 0;
    made = false
  od;
  assert(marked[0] == word[0].count && marked[1] == word[1].count)
}

init {
  atomic { run Worker(1); run Worker(2) }
}
