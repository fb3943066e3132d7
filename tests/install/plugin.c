/* A program that meets the library at run time only, as plugins and other languages do. */
#include <dlfcn.h>
#include <stdio.h>

#include <subexec/subexec.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    void *const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const char *(*version)(void) = NULL;
    *(void **)&version = dlsym(library, "subx_library_version");
    if (version == NULL)
        return 1;
    printf("%s\n", version());
    /* what is inside is not to be had */
    const int is_closed =
        dlsym(library, "subx_mem__alloc") == NULL && dlsym(library, "wasm_engine_new") == NULL;
    return is_closed ? 0 : 1;
}
