#include "bind/to_js.h"

#include <uv.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace mp {

namespace {

// Those that libuv has no names for.
const char* NameUnknownToLibuv(int error) {
  switch (error) {
    case ESTALE:
      return "ESTALE";
    case EBADMSG:
      return "EBADMSG";
    default:
      return nullptr;
  }
}

}  // namespace

Napi::Error ToError(Napi::Env env, const Status& status) {
  const int code = -status.error;  // libuv's numbering on POSIX
  const char* const unknown = NameUnknownToLibuv(status.error);
  const std::string name = unknown != nullptr ? unknown : uv_err_name(code);
  const std::string text = unknown != nullptr ? std::strerror(status.error) : uv_strerror(code);
  Napi::Error error = Napi::Error::New(env, name + ": " + text + ", " + status.operation);
  error.Set("code", Napi::String::New(env, name));
  error.Set("errno", Napi::Number::New(env, code));
  error.Set("syscall", Napi::String::New(env, status.operation));
  return error;
}

Napi::Value Throw(Napi::Env env, const Status& status) {
  ToError(env, status).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace mp
