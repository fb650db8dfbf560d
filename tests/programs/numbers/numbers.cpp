// A program that knows nothing of Weft, in C++ with its library: see ../README.md for what it does.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

constexpr std::size_t triple = 3;
constexpr int quiet = 3;
constexpr int unusable = 65;

// Every whole number of standard input, which is one JSON object.
static std::vector<long> read_numbers() {
    std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    std::vector<long> numbers;
    for (auto at = text.begin(); at != text.end();) {
        auto end = std::find_if(at + (*at == '-'), text.end(), [](unsigned char c) { return !std::isdigit(c); });
        if (*at == '-' || end != at) numbers.push_back(std::stol(std::string(at, end)));
        at = end == at ? at + 1 : end;
    }
    return numbers;
}

static int part(const std::vector<long> &numbers) {
    std::cout << '[' << numbers.size() << ',' << std::accumulate(numbers.begin(), numbers.end(), 0L) << ','
              << *std::max_element(numbers.begin(), numbers.end()) << "]\n";
    return 0;
}

static int whole(const std::vector<long> &numbers, long threshold) {
    long count = 0, sum = 0, most = numbers[2];
    for (std::size_t i = 0; i + triple <= numbers.size(); i += triple) {
        count += numbers[i];
        sum += numbers[i + 1];
        most = std::max(most, numbers[i + 2]);
    }
    std::cerr << numbers.size() / triple << " parts\n";
    if (most < threshold) return quiet;
    // The library of Zig's C++ leaves out <fstream> where there are no threads.
    std::FILE *page = std::fopen("/out/page.txt", "w");
    const std::string text = std::to_string(count) + " in " + std::to_string(numbers.size() / triple) +
                             " parts, at most " + std::to_string(most) + "\n";
    if (page == nullptr || std::fputs(text.c_str(), page) < 0 || std::fclose(page) != 0) {
        std::cerr << "/out/page.txt can't be written\n";
        return 1;
    }
    std::cout << "{\"count\":" << count << ",\"sum\":" << sum << ",\"most\":" << most << "}\n";
    return 0;
}

int main(int argc, char **argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    const auto numbers = read_numbers();
    if (args.size() == 1 && args[0] == "part" && !numbers.empty()) return part(numbers);
    if (args.size() == 2 && args[0] == "whole" && numbers.size() >= triple) return whole(numbers, std::stol(args[1]));
    std::cerr << "usage: part | whole THRESHOLD, with numbers on standard input\n";
    return unusable;
}
