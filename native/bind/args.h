#pragma once
// Reads the arguments of one call. The first one that is wrong leaves a pending TypeError; the
// caller reads all of them, then asks ok() once.

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace mp {

class Args {
 public:
  explicit Args(const Napi::CallbackInfo& info) : info_(info) {}

  bool ok() const { return ok_; }

  int Integer(size_t index, const char* name, int min = std::numeric_limits<int>::min()) {
    const Napi::Value value = info_[index];
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (std::trunc(number) == number && number >= min &&
        number <= std::numeric_limits<int>::max()) {
      return static_cast<int>(number);
    }
    Refuse(name, min >= 0 ? "a non-negative integer" : "an integer");
    return 0;
  }

  int Descriptor(size_t index, const char* name) { return Integer(index, name, 0); }

  bool Boolean(size_t index, const char* name) {
    if (info_[index].IsBoolean()) return info_[index].As<Napi::Boolean>().Value();
    Refuse(name, "a boolean");
    return false;
  }

  // Milliseconds, infinity included.
  double TimeoutMs(size_t index, const char* name) {
    const Napi::Value value = info_[index];
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (number >= 0) return number;
    Refuse(name, "a non-negative number of milliseconds");
    return 0;
  }

  Napi::Function Function(size_t index, const char* name) {
    if (info_[index].IsFunction()) return info_[index].As<Napi::Function>();
    Refuse(name, "a function");
    return Napi::Function();
  }

  // One call into Node-API, for the sake of small messages. The span ends with the call.
  std::span<uint8_t> Bytes(size_t index, const char* name) {
    napi_typedarray_type type = napi_int8_array;
    size_t length = 0;
    void* data = nullptr;
    const napi_status status = napi_get_typedarray_info(info_.Env(), info_[index], &type, &length,
                                                        &data, nullptr, nullptr);
    if (status == napi_ok && type == napi_uint8_array) return {static_cast<uint8_t*>(data), length};
    Refuse(name, "a Uint8Array");
    return {};
  }

  // None when left out.
  std::vector<int> Descriptors(size_t index, const char* name) {
    std::vector<int> fds;
    if (info_.Length() <= index) return fds;
    if (!info_[index].IsArray()) {
      Refuse(name, "an array of descriptors");
      return fds;
    }
    const auto array = info_[index].As<Napi::Array>();
    for (uint32_t i = 0, length = array.Length(); i < length; i++) {
      const Napi::Value item = array.Get(i);
      const double fd = item.IsNumber() ? item.As<Napi::Number>().DoubleValue() : -1;
      if (!(fd >= 0) || fd > std::numeric_limits<int>::max() || std::trunc(fd) != fd) {
        Refuse(name, "an array of descriptors");
        return {};
      }
      fds.push_back(static_cast<int>(fd));
    }
    return fds;
  }

 private:
  void Refuse(const char* name, const char* expected) {
    if (!ok_) return;
    ok_ = false;
    const std::string message = std::string(name) + " must be " + expected;
    Napi::TypeError error = Napi::TypeError::New(info_.Env(), message);
    error.Set("code", Napi::String::New(info_.Env(), "ERR_MP_INVALID_ARGUMENT"));
    error.ThrowAsJavaScriptException();
  }

  const Napi::CallbackInfo& info_;
  bool ok_ = true;
};

}  // namespace mp
