// Functions compiled for several instruction sets in one binary, the best one chosen when the library is loaded.
#pragma once

// Needs loader support (ifunc), which glibc has. Without it the baseline is used: the same bits, only slower.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SCORING_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define SCORING_CLONES
#endif
