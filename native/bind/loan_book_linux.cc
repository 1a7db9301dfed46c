#include "bind/loan_book.h"

#include <utility>

namespace mp {
namespace {

// True when it was there to be detached.
bool DetachView(napi_env env, napi_ref view) {
  napi_value buffer = nullptr;
  napi_get_reference_value(env, view, &buffer);
  bool gone = true;
  if (buffer == nullptr || napi_is_detached_arraybuffer(env, buffer, &gone) != napi_ok || gone) {
    return false;
  }
  return napi_detach_arraybuffer(env, buffer) == napi_ok;
}

}  // namespace

LoanBook::Viewed LoanBook::Enter(napi_env env, uint64_t id, const Loan& loan, napi_value* view) {
  auto* const hint = new Hint{weak_from_this(), id};
  const napi_status made =
      napi_create_external_arraybuffer(env, loan.bytes, loan.length, &Collected, hint, view);
  if (made == napi_no_external_buffers_allowed) {
    delete hint;
    return Viewed::kNotAllowed;
  }
  // The finalizer's from here on, which a failure may have called as well.
  if (made != napi_ok) return Viewed::kFailed;
  Entry entry{loan};
  napi_create_reference(env, *view, 0, &entry.view);
  entries_[id] = entry;
  return Viewed::kDone;
}

const Loan* LoanBook::Find(uint64_t id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.loan;
}

bool LoanBook::Detach(napi_env env, uint64_t id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || !DetachView(env, found->second.view)) return false;
  found->second.detached = true;
  return true;
}

bool LoanBook::Detached(uint64_t id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.detached;
}

void LoanBook::Strike(napi_env env, uint64_t id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  napi_delete_reference(env, found->second.view);
  entries_.erase(found);
}

void LoanBook::Release(napi_env env, uint64_t id, MessageSpace* space) {
  const Loan* const loan = Find(id);
  if (loan == nullptr || (!Detached(id) && !Detach(env, id))) return;
  GiveBack(space, *loan);
  Strike(env, id);
}

// On the environment's thread, some time after the view was detached or collected.
void LoanBook::Collected(napi_env env, void* /*bytes*/, void* data) {
  const std::unique_ptr<Hint> hint(static_cast<Hint*>(data));
  const std::shared_ptr<LoanBook> book = hint->book.lock();
  if (book == nullptr) return;
  const Loan* const loan = book->Find(hint->id);
  // Who has detached the view sees to its loan.
  if (loan == nullptr || book->Detached(hint->id)) return;
  GiveBack(book->space_, *loan);
  book->Strike(env, hint->id);
}

void LoanBook::AfterForkInChild() {
  space_ = nullptr;
  for (const auto& [id, entry] : std::exchange(entries_, {})) orphans_.push_back(entry.view);
}

void LoanBook::DetachInherited(napi_env env) {
  for (napi_ref view : std::exchange(orphans_, {})) {
    DetachView(env, view);
    napi_delete_reference(env, view);
  }
}

void LoanBook::Forget() {
  for (const auto& [id, entry] : std::exchange(entries_, {})) {
    GiveBack(space_, entry.loan);
    orphans_.push_back(entry.view);
  }
  space_ = nullptr;
}

void LoanBook::DropReferences(napi_env env) {
  for (napi_ref view : std::exchange(orphans_, {})) napi_delete_reference(env, view);
}

}  // namespace mp
