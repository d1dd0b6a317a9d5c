/* A poll() that tells the truth about the mock encoder's node, to be preloaded before umockdev's own library.
 *
 * umockdev's node is a regular file, for it is to be mapped, and poll(2) calls a regular file always ready.
 * libavcodec waits in poll(), so it would spin. We ask the mock instead, by the private ioctl _IO('V', 192) whose
 * result are the events, and sleep in between: a program that waits for a hung encoder can be ended as usual.
 * Environment: MOCK_ENCODER, the node's path as programs see it; UMOCKDEV_DIR. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ASK _IO('V', 192)
#define MOST 16
#define FIRST_PAUSE_US 300
#define LONGEST_PAUSE_US 5000

/* Whether this descriptor is the mock encoder's. */
static int is_mock(int fd)
{
    char link[40], path[512];
    const char *root = getenv("UMOCKDEV_DIR"), *node = getenv("MOCK_ENCODER");
    ssize_t length;

    if (fd < 0 || !root || !node)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return !strncmp(path, root, strlen(root)) && !strcmp(path + strlen(root), node);
}

static long long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*real)(struct pollfd *, nfds_t, int);
    struct pollfd others[MOST];
    char mock[MOST];
    int any = 0, kept = errno;
    long long end = now_us() + timeout * 1000LL;
    long pause = FIRST_PAUSE_US;

    if (!real)
        real = dlsym(RTLD_NEXT, "poll");
    if (count <= MOST)
        for (nfds_t i = 0; i < count; i++)
            any |= mock[i] = is_mock(fds[i].fd);
    if (!any) {
        errno = kept;
        return real(fds, count, timeout);
    }
    for (;;) {
        for (nfds_t i = 0; i < count; i++) {
            others[i] = fds[i];
            if (mock[i])
                others[i].fd = -1;
        }
        int ready = real(others, count, 0);
        if (ready < 0)
            return ready;
        for (nfds_t i = 0; i < count; i++) {
            int events;
            fds[i].revents = mock[i] ? 0 : others[i].revents;
            if (mock[i] && (events = ioctl(fds[i].fd, ASK)) > 0) {
                fds[i].revents = events & (fds[i].events | POLLERR | POLLHUP);
                ready += !!fds[i].revents;
            }
        }
        long long left = end - now_us();
        if (ready || !timeout || (timeout > 0 && left <= 0))
            return ready;
        struct timespec rest = {0, (timeout > 0 && left < pause ? left : pause) * 1000};
        if (nanosleep(&rest, 0))
            return -1; /* EINTR */
        if (pause < LONGEST_PAUSE_US)
            pause = pause * 5 / 4;
    }
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    (void)size;
    return poll(fds, count, timeout);
}
