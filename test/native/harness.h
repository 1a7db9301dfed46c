#pragma once
// A test is a function with a name; a program holds any number of them and ends with their count.

#include <cstdio>
#include <vector>

namespace mp::test {

struct Case {
  const char* name;
  void (*body)();
};

inline std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}

inline int failures_in_case = 0;

struct Registration {
  Registration(const char* name, void (*body)()) { Cases().push_back({name, body}); }
};

inline bool Check(bool holds, const char* expression, const char* file, int line) {
  if (!holds) {
    failures_in_case += 1;
    std::fprintf(stderr, "%s:%d: expected %s\n", file, line, expression);
  }
  return holds;
}

inline int RunAll() {
  int failed = 0;
  for (const Case& test : Cases()) {
    failures_in_case = 0;
    test.body();
    std::printf("%s %s\n", failures_in_case == 0 ? "ok    " : "FAILED", test.name);
    failed += failures_in_case == 0 ? 0 : 1;
  }
  std::printf("%d passed, %d failed\n", static_cast<int>(Cases().size()) - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace mp::test

#define TEST(name)                                                      \
  static void name();                                                   \
  static const mp::test::Registration registration_##name(#name, name); \
  static void name()

#define EXPECT(expression) mp::test::Check((expression), #expression, __FILE__, __LINE__)

// Goes on only when the expression holds.
#define REQUIRE(expression) \
  if (!EXPECT(expression)) return

#define TEST_MAIN()            \
  int main() {                 \
    return mp::test::RunAll(); \
  }
