// The part of the C++ runtime that exceptions need. The guest's runtime has no unwinding, so that one that is thrown ends the task:
// its type and message are printed first, and the host's log has them.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <typeinfo>

extern "C" void *_ZTVN10__cxxabiv120__si_class_type_infoE[];

namespace {

// The description of a class that has one base, at its start, as the C++ ABI lays it out.
struct SingleBase : std::type_info {
    const std::type_info *base;
};

// Whether an object of this type is a std::exception.
bool is_exception(const std::type_info *type) {
    while (*type != typeid(std::exception)) {
        void *table = *reinterpret_cast<void *const *>(type);
        if (table != &_ZTVN10__cxxabiv120__si_class_type_infoE[2]) {
            return false;
        }
        type = static_cast<const SingleBase *>(type)->base;
    }
    return true;
}

} // namespace

extern "C" {

void *__cxa_allocate_exception(size_t size) noexcept {
    void *memory = calloc(1, size + 64);
    if (memory == nullptr) {
        abort();
    }
    return memory;
}

void __cxa_free_exception(void *memory) noexcept { free(memory); }

void __cxa_throw(void *object, std::type_info *type, void (*)(void *)) {
    const char *name = type->name();
    if (is_exception(type)) {
        fprintf(stderr, "a C++ library threw %s: %s\n", name, static_cast<std::exception *>(object)->what());
    } else {
        fprintf(stderr, "a C++ library threw %s\n", name);
    }
    fprintf(stderr, "C++ exceptions can't be caught in the sandbox, so this one ends the attempt\n");
    fflush(stderr);
    abort();
}

void *__cxa_begin_catch(void *object) noexcept { return object; }
void __cxa_end_catch() {}
void __cxa_rethrow() { abort(); }
}
