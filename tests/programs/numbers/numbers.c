/* A program that knows nothing of Weft, in C: see ../README.md for what it does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIPLE = 3, QUIET = 3, UNUSABLE = 65, AT_MOST = 1 << 16 };

/* Every whole number of standard input, which is one JSON object. */
static size_t read_numbers(long *numbers) {
    size_t count = 0;
    int c = getchar();
    while (c != EOF && count < AT_MOST) {
        if (c == '-' || (c >= '0' && c <= '9')) {
            long sign = c == '-' ? -1 : 1;
            long number = c == '-' ? 0 : c - '0';
            while ((c = getchar()) >= '0' && c <= '9') number = number * 10 + (c - '0');
            numbers[count++] = sign * number;
        } else {
            c = getchar();
        }
    }
    return count;
}

static int part(const long *numbers, size_t count) {
    long sum = 0, most = numbers[0];
    for (size_t i = 0; i < count; i++) {
        sum += numbers[i];
        if (numbers[i] > most) most = numbers[i];
    }
    printf("[%zu,%ld,%ld]\n", count, sum, most);
    return 0;
}

static int whole(const long *numbers, size_t count, long threshold) {
    long all = 0, sum = 0, most = numbers[2];
    for (size_t i = 0; i + TRIPLE <= count; i += TRIPLE) {
        all += numbers[i];
        sum += numbers[i + 1];
        if (numbers[i + 2] > most) most = numbers[i + 2];
    }
    fprintf(stderr, "%zu parts\n", count / TRIPLE);
    if (most < threshold) return QUIET;
    FILE *page = fopen("/out/page.txt", "w");
    if (page == NULL) {
        fprintf(stderr, "/out/page.txt: %s\n", strerror(errno));
        return 1;
    }
    fprintf(page, "%ld in %zu parts, at most %ld\n", all, count / TRIPLE, most);
    fclose(page);
    printf("{\"count\":%ld,\"sum\":%ld,\"most\":%ld}\n", all, sum, most);
    return 0;
}

int main(int argc, char **argv) {
    static long numbers[AT_MOST];
    size_t count = read_numbers(numbers);
    if (argc == 2 && strcmp(argv[1], "part") == 0 && count > 0) return part(numbers, count);
    if (argc == 3 && strcmp(argv[1], "whole") == 0 && count >= TRIPLE)
        return whole(numbers, count, strtol(argv[2], NULL, 10));
    fputs("usage: part | whole THRESHOLD, with numbers on standard input\n", stderr);
    return UNUSABLE;
}
