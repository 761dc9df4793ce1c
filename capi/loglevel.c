#define _GNU_SOURCE
#include "loglevel.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Abseil's name changes with each of its releases, which the mangled name
// contains: absl::lts_20250814::SetMinLogLevel(absl::LogSeverityAtLeast) is
// _ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE. So the
// function is searched in the symbol tables of the loaded libraries.
static bool is_set_min_log_level(const char* name) {
  return strncmp(name, "_ZN4absl", 8) == 0 &&
         strstr(name, "14SetMinLogLevelENS") != NULL &&
         strstr(name, "18LogSeverityAtLeastE") != NULL;
}

// count_symbols returns the number of symbols that a DT_GNU_HASH table covers.
static size_t count_symbols(const uint32_t* hash) {
  uint32_t num_buckets = hash[0], first = hash[1], bloom_words = hash[2];
  const uint32_t* buckets =
      hash + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
  const uint32_t* chains = buckets + num_buckets;
  uint32_t last = 0;
  for (uint32_t i = 0; i < num_buckets; i++) {
    if (buckets[i] > last) last = buckets[i];
  }
  if (last < first) return first;
  while ((chains[last - first] & 1) == 0) last++;
  return last + 1;
}

static int find(struct dl_phdr_info* info, size_t size, void* result) {
  (void)size;
  const ElfW(Dyn)* dynamic = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
      dynamic = (const void*)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    }
  }
  if (dynamic == NULL) return 0;
  ElfW(Addr) symtab = 0, strtab = 0, hash = 0;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    ElfW(Addr) address = dynamic->d_un.d_ptr;
    // Some loaders write the absolute address here, others leave the offset.
    if (address < info->dlpi_addr) address += info->dlpi_addr;
    if (dynamic->d_tag == DT_SYMTAB) symtab = address;
    if (dynamic->d_tag == DT_STRTAB) strtab = address;
    if (dynamic->d_tag == DT_GNU_HASH) hash = address;
  }
  if (symtab == 0 || strtab == 0 || hash == 0) return 0;
  const ElfW(Sym)* symbols = (const void*)symtab;
  size_t n = count_symbols((const void*)hash);
  for (size_t i = 0; i < n; i++) {
    if (symbols[i].st_shndx == SHN_UNDEF || (symbols[i].st_info & 0xf) != STT_FUNC) continue;
    if (!is_set_min_log_level((const char*)strtab + symbols[i].st_name)) continue;
    *(ElfW(Addr)*)result = info->dlpi_addr + symbols[i].st_value;
    return 1;
  }
  return 0;
}

bool tfk_set_min_log_level(int level) {
  ElfW(Addr) address = 0;
  if (dl_iterate_phdr(find, &address) == 0) return false;
  ((void (*)(int))address)(level);
  return true;
}
