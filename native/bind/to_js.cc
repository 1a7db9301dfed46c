#include "bind/to_js.h"

#include <uv.h>

#include <string>

namespace mp {

Napi::Error ToError(Napi::Env env, const Status& status) {
  const int code = -status.error;  // libuv's numbering on POSIX
  const std::string name = uv_err_name(code);
  Napi::Error error =
      Napi::Error::New(env, name + ": " + uv_strerror(code) + ", " + status.operation);
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
