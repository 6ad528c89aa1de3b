/* The physical floor of the work: what the system calls that nobody can leave out cost, in one C process.
 *
 *   floor spawn RUNS PROG [ARG...]  start PROG and wait for it
 *   floor files COUNT DIR           write COUNT files of 250 bytes in 100 directories
 *   floor work SEED DIR RUNS FILES  read the config drive's six files from the seed directory SEED, then write FILES
 *                                   files of their sizes below DIR; DIR is emptied between runs, untimed
 *
 * A file is written as one that must never be seen half done: a temporary name, mode 0600, fchmod, fchown, rename.
 * Prints the median of wall and CPU time of one run, in microseconds: wall_us=… cpu_us=…
 * Build: musl-gcc -static -Os -s -o floor floor.c
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const char *const DRIVE[] = {
	"openstack/latest/meta_data.json", "openstack/latest/user_data", "openstack/latest/network_data.json",
	"openstack/latest/vendor_data.json", "openstack/latest/vendor_data2.json", "ec2/latest/meta-data.json",
};
#define DRIVE_FILES (sizeof DRIVE / sizeof *DRIVE)

static char *text[DRIVE_FILES];
static size_t size[DRIVE_FILES];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double micros(struct timeval t) { return t.tv_sec * 1e6 + t.tv_usec; }

static double cpu(void)
{
	struct rusage own, children;
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return micros(own.ru_utime) + micros(own.ru_stime) + micros(children.ru_utime) + micros(children.ru_stime);
}

static int ascending(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof *values, ascending);
	return values[n / 2];
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void read_drive(const char *seed)
{
	for (size_t i = 0; i < DRIVE_FILES; i++) {
		char path[512];
		struct stat s;
		snprintf(path, sizeof path, "%s/%s", seed, DRIVE[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		size[i] = 0;
		if (fd < 0)
			continue;
		fstat(fd, &s);
		text[i] = realloc(text[i], s.st_size + 1);
		ssize_t n = read(fd, text[i], s.st_size + 1);
		size[i] = n < 0 ? 0 : n;
		close(fd);
	}
}

static void write_whole(const char *path, const char *bytes, size_t n)
{
	char temporary[600];
	snprintf(temporary, sizeof temporary, "%s.tmp", path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
		die(temporary);
	if (fchmod(fd, 0644) || fchown(fd, 0, 0))
		die(temporary);
	close(fd);
	if (rename(temporary, path))
		die(path);
}

static int spawn(int runs, char **argv)
{
	double *wall = calloc(runs, sizeof *wall), *used = calloc(runs, sizeof *used);
	for (int i = 0; i < runs; i++) {
		double began = now(), before = cpu();
		pid_t pid = vfork();
		int status;
		if (pid == 0) {
			int null = open("/dev/null", O_RDWR);
			dup2(null, 1);
			execve(argv[0], argv, environ);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
			die(argv[0]);
		wall[i] = now() - began;
		used[i] = cpu() - before;
	}
	printf("wall_us=%.0f cpu_us=%.0f\n", median(wall, runs), median(used, runs));
	return 0;
}

static int files(int count, const char *dir)
{
	char content[250], path[512];
	memset(content, 'x', sizeof content);
	double began = now(), before = cpu();
	for (int i = 0; i < count; i++) {
		if (i < 100) {
			snprintf(path, sizeof path, "%s/d%02d", dir, i);
			mkdir(path, 0755);
		}
		snprintf(path, sizeof path, "%s/d%02d/file%05d.conf", dir, i % 100, i);
		write_whole(path, content, sizeof content);
	}
	printf("wall_us=%.0f cpu_us=%.0f\n", now() - began, cpu() - before);
	return 0;
}

static int work(const char *seed, const char *dir, int runs, int count)
{
	double *wall = calloc(runs, sizeof *wall), *used = calloc(runs, sizeof *used);
	for (int i = 0; i < runs; i++) {
		char path[512];
		snprintf(path, sizeof path, "rm -rf '%s' && mkdir -p '%s'", dir, dir);
		if (system(path))
			return 3;
		double began = now(), before = cpu();
		read_drive(seed);
		if (!size[0] || !size[1])
			die(seed);
		for (int k = 0; k < count; k++) {
			snprintf(path, sizeof path, "%s/file%03d", dir, k);
			write_whole(path, text[k % 2], size[k % 2]);
		}
		wall[i] = now() - began;
		used[i] = cpu() - before;
	}
	printf("wall_us=%.0f cpu_us=%.0f\n", median(wall, runs), median(used, runs));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "spawn"))
		return spawn(atoi(argv[2]), argv + 3);
	if (argc == 4 && !strcmp(argv[1], "files"))
		return files(atoi(argv[2]), argv[3]);
	if (argc == 6 && !strcmp(argv[1], "work"))
		return work(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	fprintf(stderr, "usage: floor spawn RUNS PROG [ARG...] | files COUNT DIR | work SEED DIR RUNS FILES\n");
	return 2;
}
