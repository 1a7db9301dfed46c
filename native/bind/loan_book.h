#pragma once
// The loans of one environment (queues/loan.h), by number, and JavaScript's views on them.
//
// A view is an ArrayBuffer over shared memory. It is detached before its loan is published or given
// back, so nobody here can see or change what is somebody else's by then. One that was collected
// instead gives its loan back from its finalizer.

#include <node_api.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "queues/loan.h"

namespace mp {

class LoanBook : public std::enable_shared_from_this<LoanBook> {
 public:
  // No view is longer than any runtime allows.
  static constexpr uint64_t kMostBytes = 0xffff'ffff;
  // Enters a loan, and makes its view. kNotAllowed: this runtime knows no memory of others; the
  // loan is not entered. kFailed: an exception is pending, and likewise.
  enum class Viewed : uint8_t { kDone, kNotAllowed, kFailed };
  Viewed Enter(napi_env env, uint64_t id, const Loan& loan, napi_value* view);
  // Null for a number that is none.
  const Loan* Find(uint64_t id) const;
  // False when the view was taken away by somebody, who may still see the memory: then the loan is
  // given back when that is collected.
  bool Detach(napi_env env, uint64_t id);
  // Whether `Detach` has done so.
  bool Detached(uint64_t id) const;
  // It was published, or given back, or is entered anew; its view is detached.
  void Strike(napi_env env, uint64_t id);
  // Detaches the view and gives the loan back.
  void Release(napi_env env, uint64_t id, MessageSpace* space);

  // Who lends while this is in use; null afterwards.
  void SetSpace(MessageSpace* space) { space_ = space; }
  // In a forked child: they are the parent's, and so are the views until `DetachInherited`.
  void AfterForkInChild();
  void DetachInherited(napi_env env);
  // No JavaScript runs any more: all are given back, views or not.
  void Forget();
  // Afterwards, as the environment ends.
  void DropReferences(napi_env env);

 private:
  struct Entry {
    Loan loan;
    napi_ref view = nullptr;  // weak
    bool detached = false;
  };
  struct Hint {
    std::weak_ptr<LoanBook> book;
    uint64_t id;
  };
  static void Collected(napi_env env, void* bytes, void* hint);

  std::unordered_map<uint64_t, Entry> entries_;
  std::vector<napi_ref> orphans_;  // of entries that are gone
  MessageSpace* space_ = nullptr;
};

}  // namespace mp
