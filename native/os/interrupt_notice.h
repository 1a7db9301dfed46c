#pragma once
// One line on stderr before SIGINT ends this process. What a signal does is the process's affair,
// not one environment's, hence the statics.

namespace mp {

// One environment's wish for the line. While there is any, a handler of ours stands in the place of
// the action that ends the process, says the line, and lets that action end it. Nothing is replaced
// that does not end it: a listener, or that SIGINT is ignored. Our code must stay loaded from the
// first On: the handler may be at work on any thread.
class InterruptNotice {
 public:
  InterruptNotice() = default;
  ~InterruptNotice() { Off(); }
  InterruptNotice(const InterruptNotice&) = delete;
  InterruptNotice& operator=(const InterruptNotice&) = delete;

  // May be called again: a listener that came has taken the place, and left the default behind.
  void On();
  // The last one puts back what was there, unless somebody else has the place now.
  void Off();
  // In the child, where nobody has asked yet.
  void AfterForkInChild();

 private:
  bool on_ = false;
};

}  // namespace mp
