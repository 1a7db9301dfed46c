#pragma once
// A value or the errno of the operation that failed. Nothing in native/ throws.

#include <cstdint>
#include <utility>

namespace mp {

// A failed operation: errno and the name of the call, both static. `error` 0 means success.
struct Status {
  int error = 0;
  const char* operation = "";

  bool ok() const { return error == 0; }
  static Status Ok() { return {}; }
  static Status Failed(int error, const char* operation) { return {error, operation}; }
};

template <typename T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(status) {}     // NOLINT(google-explicit-constructor)

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  T& value() { return value_; }
  const T& value() const { return value_; }

 private:
  T value_{};
  Status status_{};
};

}  // namespace mp
