#include "process/program_text_linux.h"

#include <dlfcn.h>
#include <link.h>

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "process/thread_position_linux.h"
#include "process/thread_roles_linux.h"

namespace mp {
namespace {

using AddRange = void (*)(uintptr_t begin, uintptr_t end);

struct Wanted {
  uintptr_t address;
  AddRange add;
};

int AddRangesOf(dl_phdr_info* info, size_t, void* argument) {
  const auto& wanted = *static_cast<const Wanted*>(argument);
  bool owns = false;
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const auto& header = info->dlpi_phdr[at];
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && wanted.address >= begin &&
        wanted.address < begin + header.p_memsz)
      owns = true;
  }
  if (!owns) return 0;
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const auto& header = info->dlpi_phdr[at];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    wanted.add(begin, begin + header.p_memsz);
  }
  return 1;
}

// All code of the library or program that has this address.
void AddObjectOf(uintptr_t address, AddRange add) {
  Wanted wanted{address, add};
  if (address != 0) dl_iterate_phdr(&AddRangesOf, &wanted);
}

uintptr_t Look(void* where, const char* symbol) {
  return reinterpret_cast<uintptr_t>(dlsym(where, symbol));
}

#if defined(__GLIBC__)  // elsewhere nothing forks, and dladdr1 is glibc's
const ElfW(Sym) * EntryOf(uintptr_t address) {
  Dl_info info{};
  void* entry = nullptr;
  if (address == 0 || dladdr1(reinterpret_cast<void*>(address), &info, &entry, RTLD_DL_SYMENT) == 0)
    return nullptr;
  return static_cast<const ElfW(Sym)*>(entry);
}

// A program that takes the address of another library's function has a stub under that name, and
// dlsym(3) answers with it: Node 20 to 24 have one for malloc.
bool IsStub(uintptr_t address) {
  const auto* entry = EntryOf(address);
  return entry != nullptr && entry->st_shndx == SHN_UNDEF;
}

int AddName(dl_phdr_info* info, size_t, void* argument) {
  // The program itself has none.
  if (info->dlpi_name != nullptr && info->dlpi_name[0] != '\0')
    static_cast<std::vector<std::string>*>(argument)->emplace_back(info->dlpi_name);
  return 0;
}

// Which of several definitions the program uses cannot be asked: all count.
void AddDefinitionsOf(const char* symbol, AddRange add) {
  // Not looked into while the list is walked: dlopen(3) takes a lock before the one that the walk
  // holds.
  std::vector<std::string> names;
  dl_iterate_phdr(&AddName, &names);
  for (const std::string& name : names) {
    void* library = dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    const uintptr_t address = Look(library, symbol);
    dlclose(library);
    if (!IsStub(address)) AddObjectOf(address, add);
  }
}
#endif

void AddObjectOf(const char* symbol, AddRange add) {
  const uintptr_t address = Look(RTLD_DEFAULT, symbol);
#if defined(__GLIBC__)
  if (IsStub(address)) return AddDefinitionsOf(symbol, add);
#endif
  AddObjectOf(address, add);
}

void AddFunction(const char* symbol, AddRange add) {
#if defined(__GLIBC__)
  const uintptr_t begin = Look(RTLD_DEFAULT, symbol);
  const auto* entry = EntryOf(begin);
  if (entry != nullptr) add(begin, begin + entry->st_size);
#else
  (void)symbol;
  (void)add;
#endif
}

// Which of its futex calls wait for a lock can be told from this version of glibc on; the one that
// runs may be older than the one that this was compiled with.
bool RestsByBitset() {
#if defined(__GLIBC__)
  int major = 0;
  int minor = 0;
  return std::sscanf(gnu_get_libc_version(), "%d.%d", &major, &minor) == 2 &&
         (major > 2 || (major == 2 && minor >= 34));
#else
  return false;
#endif
}

// A thread that is in one of these may hold a lock that the child needs before that thread is back.
void LearnLocks() {
  AddObjectOf("malloc", &AddLibraryRange);        // libc, or the allocator that replaces it
  AddObjectOf("pthread_self", &AddLibraryRange);  // libc, or libpthread before glibc 2.34
  AddObjectOf("_dl_find_object", &AddLibraryRange);
  AddObjectOf("__tls_get_addr", &AddLibraryRange);  // the loader
  // A thread between its load of the eventfd's number and its write would write to a number that
  // means something else in the child.
  AddFunction("uv_async_send", &AddLibraryRange);
  for (const char* name : {"poll", "ppoll"}) AddFunction(name, &AddPollRange);
  if (RestsByBitset()) AddFunction("syscall", &SetSyscallRange);
  // absl::Mutex::LockSlowLoop(SynchWaitParams*, int), of the Node that runs.
  AddFunction("_ZN4absl5Mutex12LockSlowLoopEPNS_15SynchWaitParamsEi", &SetLockLoopRange);
}

}  // namespace

void LearnProgramText() {
  LearnLocks();
  AddObjectOf(reinterpret_cast<uintptr_t>(&LearnProgramText), &ThreadRoles::AddOwnText);
  // Node and libuv may each be a library of its own.
  AddObjectOf("napi_create_object", &ThreadRoles::AddOwnText);
  AddObjectOf("uv_loop_fork", &ThreadRoles::AddOwnText);
  // Since 13.6 (Node 24) V8's recursive mutexes are its own, and keep a number that the thread
  // remembers.
  if (Look(RTLD_DEFAULT, "_ZN2v84base2OS26GetCurrentThreadIdInternalEv") == 0)
    ThreadRoles::RequirePlatformToRest();
}

}  // namespace mp
