/* replay.c - runs a fuzz target over the files of folders: replay NAME FOLDER... prints "ok NAME, N
 * inputs". */
#include "fuzz.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static void fail_with_error(void)
{
    printf("not ok %s\n", cadre_last_error());
    exit(1);
}

/* From a block of its own size, so that the sanitizer sees a read beyond it. */
static void replay_file(const char *path)
{
    char *data;
    size_t size;
    if (file_read(path, 1 << 26, &data, &size) != CADRE_OK) fail_with_error();
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    mem_free(data);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay_folder(const char *folder)
{
    char **names;
    int count;
    if (file_list(folder, &names, &count) != CADRE_OK) fail_with_error();
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, names[i]);
        replay_file(path);
        mem_free(path);
    }
    file_list_free(names, count);
    return count;
}

int main(int argc, char **argv)
{
    int inputs = 0;
    for (int i = 2; i < argc; i++)
        if (file_is_folder(argv[i])) inputs += replay_folder(argv[i]);
    printf("%sok %s, %d inputs\n", inputs ? "" : "not ", argc > 1 ? argv[1] : "nothing", inputs);
    return inputs ? 0 : 1;
}
