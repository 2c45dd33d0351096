/*
 * Stands between a process and the C library: counts the calls that touch files below one directory, with one counter
 * for the whole process, and kills it or fails the call when the counter reaches a number. A test sets it up through a
 * file that both map, while the process runs.
 *
 *   FAULTS_ROOT      the directory, absolute, without a trailing slash
 *   FAULTS_CONTROL   the file: struct control, little-endian, then `slots` entries of struct entry
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { slots = 8192, known_files = 65536 };
enum mode { count_only, kill_before, kill_inside, fail_once, fail_from, fail_from_torn };
enum kind { k_open, k_create, k_write, k_sync, k_truncate, k_rename, k_unlink, k_mkdir, k_read, k_close };

struct control {
  uint32_t armed;    /* 0: calls pass uncounted */
  uint32_t mode;     /* enum mode */
  uint64_t at;       /* the call that is struck, from 1 */
  uint32_t error;    /* errno of failing calls */
  uint32_t kinds;    /* bit per enum kind: what counts */
  uint64_t count;    /* calls so far */
  uint64_t struck;   /* calls that were failed */
  uint64_t resynced; /* syncs of an open file whose last sync failed: they may succeed and lie */
};

struct entry {
  uint32_t kind;
  uint32_t size; /* bytes of a write */
  char path[120]; /* below the directory, its end when it is longer */
};

static struct control idle;
static struct control *control = &idle;
static struct entry *entries;
static char root[PATH_MAX];
static size_t root_length;
/* Path of an open file below the directory, by descriptor. */
static char *files[known_files];
static unsigned char unsynced[known_files];

#define REAL(result, name, ...)                                      \
  static result (*real_##name)(__VA_ARGS__);                         \
  if (real_##name == NULL) real_##name = dlsym(RTLD_NEXT, #name);

__attribute__((constructor)) static void set_up(void) {
  const char *directory = getenv("FAULTS_ROOT"), *path = getenv("FAULTS_CONTROL");
  if (directory == NULL || path == NULL) return;
  root_length = strlen(directory);
  memcpy(root, directory, root_length + 1);
  REAL(int, open, const char *, int, ...)
  int file = real_open(path, O_RDWR | O_CLOEXEC);
  void *mapped = file < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof(struct control) + slots * sizeof(struct entry), PROT_READ | PROT_WRITE,
                                 MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) {
    fprintf(stderr, "faults: cannot map %s\n", path);
    abort();
  }
  REAL(int, close, int)
  real_close(file);
  entries = (struct entry *)((char *)mapped + sizeof(struct control));
  control = mapped;
}

static int is_below(const char *path) {
  if (root_length == 0 || path == NULL || strncmp(path, root, root_length) != 0) return 0;
  return path[root_length] == '/' || path[root_length] == 0;
}

static const char *path_of(int file) { return file >= 0 && file < known_files ? files[file] : NULL; }

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

enum verdict { pass, inside, fail, torn };

/* Counts a call and says what becomes of it. */
static enum verdict meet(enum kind kind, const char *path, size_t size) {
  if (!__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST) || !(control->kinds & (1u << kind))) return pass;
  uint64_t number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (number <= slots) {
    struct entry *entry = &entries[number - 1];
    const char *below = path + root_length;
    size_t length = strlen(below), skip = length >= sizeof entry->path ? length - sizeof entry->path + 1 : 0;
    entry->kind = kind;
    entry->size = (uint32_t)size;
    memcpy(entry->path, below + skip, length - skip + 1);
  }
  uint64_t at = control->at;
  switch (control->mode) {
    case kill_before:
      if (number == at) die();
      return pass;
    case kill_inside:
      return number == at ? inside : pass;
    case fail_once:
      if (number != at) return pass;
      break;
    case fail_from_torn:
      if (number == at && kind == k_write && size > 1) return torn;
      /* fall through */
    case fail_from:
      if (number < at) return pass;
      break;
    default:
      return pass;
  }
  __atomic_add_fetch(&control->struck, 1, __ATOMIC_SEQ_CST);
  return fail;
}

/* What meets a call that has no inside: being killed inside it is being killed after it. */
#define STRIKE(kind, path, size, call)              \
  enum verdict verdict = meet(kind, path, size);    \
  if (verdict == fail) return errno = control->error, -1; \
  if (verdict == inside) {                          \
    call;                                           \
    die();                                          \
  }

static void remember(int file, const char *path) {
  if (file < 0 || file >= known_files) return;
  free(files[file]);
  files[file] = strdup(path);
  unsynced[file] = 0;
}

#define OPEN(name, parameters, arguments, types, path, flags)                  \
  int name parameters {                                                        \
    REAL(int, name, types, int, ...)                                           \
    mode_t mode = 0;                                                           \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                     \
      va_list rest;                                                            \
      va_start(rest, flags);                                                   \
      mode = va_arg(rest, mode_t);                                             \
      va_end(rest);                                                            \
    }                                                                          \
    if (!is_below(path)) return real_##name arguments;                         \
    STRIKE(flags &O_CREAT ? k_create : k_open, path, 0, real_##name arguments) \
    int file = real_##name arguments;                                          \
    remember(file, path);                                                      \
    return file;                                                               \
  }

#define ONE const char *
#define TWO int, const char *
OPEN(open, (const char *path, int flags, ...), (path, flags, mode), ONE, path, flags)
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), ONE, path, flags)
OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), TWO, path, flags)
OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), TWO, path, flags)

int close(int file) {
  REAL(int, close, int)
  const char *path = path_of(file);
  if (path == NULL) return real_close(file);
  STRIKE(k_close, path, 0, real_close(file))
  char *known = files[file];
  files[file] = NULL;
  unsynced[file] = 0;
  free(known);
  return real_close(file);
}

#define WRITE(name, parameters, arguments, half, ...)               \
  ssize_t name parameters {                                         \
    REAL(ssize_t, name, __VA_ARGS__)                                  \
    const char *path = path_of(file);                               \
    if (path == NULL) return real_##name arguments;                 \
    enum verdict verdict = meet(k_write, path, size);               \
    if (verdict == fail) return errno = control->error, -1;         \
    if (verdict == torn) return real_##name half;                   \
    if (verdict == inside) {                                        \
      real_##name half;                                             \
      die();                                                        \
    }                                                               \
    return real_##name arguments;                                   \
  }

WRITE(write, (int file, const void *bytes, size_t size), (file, bytes, size), (file, bytes, size / 2), int, const void *, size_t)
#define AT int, const void *, size_t, off64_t
WRITE(pwrite, (int file, const void *bytes, size_t size, off64_t offset), (file, bytes, size, offset), (file, bytes, size / 2, offset), AT)
WRITE(pwrite64, (int file, const void *bytes, size_t size, off64_t offset), (file, bytes, size, offset), (file, bytes, size / 2, offset), AT)

#define READ(name, parameters, arguments, ...)             \
  ssize_t name parameters {                                \
    REAL(ssize_t, name, __VA_ARGS__)                         \
    const char *path = path_of(file);                      \
    if (path == NULL) return real_##name arguments;        \
    STRIKE(k_read, path, size, real_##name arguments)      \
    return real_##name arguments;                          \
  }

READ(read, (int file, void *bytes, size_t size), (file, bytes, size), int, void *, size_t)
READ(pread, (int file, void *bytes, size_t size, off64_t offset), (file, bytes, size, offset), int, void *, size_t, off64_t)
READ(pread64, (int file, void *bytes, size_t size, off64_t offset), (file, bytes, size, offset), int, void *, size_t, off64_t)

#define SYNC(name)                                                                                \
  int name(int file) {                                                                            \
    REAL(int, name, int)                                                                          \
    const char *path = path_of(file);                                                             \
    if (path == NULL) return real_##name(file);                                                   \
    if (unsynced[file]) __atomic_add_fetch(&control->resynced, 1, __ATOMIC_SEQ_CST);              \
    enum verdict verdict = meet(k_sync, path, 0);                                                 \
    if (verdict == inside) {                                                                      \
      real_##name(file);                                                                          \
      die();                                                                                      \
    }                                                                                             \
    if (verdict != fail) return real_##name(file);                                                \
    unsynced[file] = 1;                                                                           \
    errno = control->error;                                                                       \
    return -1;                                                                                    \
  }

SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name)                                         \
  int name(int file, off64_t size) {                           \
    REAL(int, name, int, off64_t)                              \
    const char *path = path_of(file);                          \
    if (path == NULL) return real_##name(file, size);          \
    STRIKE(k_truncate, path, size, real_##name(file, size))    \
    return real_##name(file, size);                            \
  }

TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define BY_PATH(name, kind, parameters, arguments, path, types)     \
  int name parameters {                                             \
    REAL(int, name, types)                                          \
    if (!is_below(path)) return real_##name arguments;              \
    STRIKE(kind, path, 0, real_##name arguments)                    \
    return real_##name arguments;                                   \
  }

#define MAKE const char *, mode_t
#define RENAME const char *, const char *
#define UNLINK_AT int, const char *, int
BY_PATH(mkdir, k_mkdir, (const char *path, mode_t mode), (path, mode), path, MAKE)
BY_PATH(rename, k_rename, (const char *path, const char *to), (path, to), to, RENAME)
BY_PATH(link, k_rename, (const char *path, const char *to), (path, to), to, RENAME)
BY_PATH(unlink, k_unlink, (const char *path), (path), path, ONE)
BY_PATH(rmdir, k_unlink, (const char *path), (path), path, ONE)
BY_PATH(unlinkat, k_unlink, (int at, const char *path, int flags), (at, path, flags), path, UNLINK_AT)
