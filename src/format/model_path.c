/* model_path.c - looks at what lies at a path, and names what could be opened there. */
#include "format/model_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum { TEXT = 400 };
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && !strcasecmp(text + size - tail, end);
}

/* Whether this is a name or an address on the Hugging Face Hub. `name` becomes OWNER/NAME; what
 * follows it (a branch, a format, a page) is left out. */
static bool is_hub_name(const char *path, char name[TEXT])
{
    static const char *const before[] = { "https://huggingface.co/", "huggingface.co/",
        "https://hf.co/", "hf.co/", "hf://" };
    bool address = false;
    for (int i = 0; i < 5 && !address; i++)
        if ((address = !strncmp(path, before[i], strlen(before[i])))) path += strlen(before[i]);
    size_t owner = strspn(path, LETTERS),
           rest = path[owner] == '/' ? strspn(path + owner + 1, LETTERS) : 0;
    const char *end = path + owner + 1 + rest;
    if (!owner || !rest || *path == '.' || (*end && !strchr(address ? "/@:" : "@:", *end)))
        return false;
    snprintf(name, TEXT, "%.*s", (int)(end - path), path);
    return true;
}

/* Counts the names in a folder with this ending and copies the first of them. The parts of a split
 * GGUF count as one. */
static int count_names(const char *folder, const char *end, char first[TEXT])
{
    char **names;
    int all, count = 0;
    *first = 0;
    if (file_list(folder, &names, &all) != CADRE_OK) return 0;
    for (int i = 0; i < all; i++) {
        const char *part = strstr(names[i], "-of-");
        if (!ends_with(names[i], end) || !strncmp(names[i], "training-state-", 15) ||
            (part && part - names[i] >= 6 && memcmp(part - 6, "-00001", 6)))
            continue;
        if (!count++) snprintf(first, TEXT, "%s", names[i]);
    }
    file_list_free(names, all);
    return count;
}

/* ---- huggingface_hub's cache: models--OWNER--NAME/snapshots/COMMIT; refs/main names one ---- */

static bool read_line(const char *path, char line[TEXT])
{
    char *text;
    size_t size;
    if (file_read(path, TEXT - 1, &text, &size) != CADRE_OK) return false;
    snprintf(line, TEXT, "%.*s", (int)strcspn(text, "\r\n"), text);
    mem_free(text);
    return *line && !strchr(line, '/');
}

/* Finds the folder of the newest download in a model's cache. */
static bool find_snapshot(const char *cache, char found[2 * TEXT])
{
    char commit[TEXT] = "", **names;
    int count = 0;
    char *snapshots = file_join(cache, "snapshots"), *main = file_join(cache, "refs/main");
    bool is_cache = snapshots && main && file_is_folder(snapshots);
    bool named = is_cache && file_exists(main) && read_line(main, commit) &&
                 file_exists_in(snapshots, commit);
    if (is_cache && !named && file_list(snapshots, &names, &count) == CADRE_OK) {
        if (count) snprintf(commit, sizeof commit, "%s", names[count - 1]);
        file_list_free(names, count);
    }
    if (*commit) snprintf(found, 2 * TEXT, "%s/%s", snapshots, commit);
    mem_free(snapshots);
    mem_free(main);
    return *commit != 0;
}

/* Finds the first model in the folder that holds all downloads. */
static bool find_cached(const char *folder, char found[2 * TEXT])
{
    char **names;
    int count;
    bool done = false;
    char *hub = file_exists_in(folder, "hub") ? file_join(folder, "hub") : mem_strdup(folder);
    if (!hub || file_list(hub, &names, &count) != CADRE_OK) {
        mem_free(hub);
        return false;
    }
    for (int i = 0; i < count && !done; i++) {
        char *model = strncmp(names[i], "models--", 8) ? NULL : file_join(hub, names[i]);
        done = model && find_snapshot(model, found);
        mem_free(model);
    }
    file_list_free(names, count);
    mem_free(hub);
    return done;
}

/* ---- advice for each kind of path ---- */

static void advise_ggufs(const char *folder, char advice[4 * TEXT])
{
    char name[TEXT];
    int ggufs = count_names(folder, ".gguf", name);
    if (ggufs == 1) snprintf(advice, 4 * TEXT, "The folder holds a GGUF file: %s/%s", folder, name);
    else if (ggufs)
        snprintf(
            advice, 4 * TEXT, "The folder holds %d GGUF files, such as %s/%s", ggufs, folder, name);
}

static void advise_folder(const char *folder, char advice[4 * TEXT])
{
    char found[2 * TEXT];
    if (find_snapshot(folder, found))
        snprintf(advice, 4 * TEXT, "This is a download cache; the model is in %s", found);
    else if (find_cached(folder, found))
        snprintf(advice, 4 * TEXT, "This is a folder of downloads, of which one is %s", found);
    else advise_ggufs(folder, advice);
}

static bool has_weights(const char *folder)
{
    return file_exists_in(folder, "model.safetensors") ||
           file_exists_in(folder, "model.safetensors.index.json");
}

/* Advises on a model's folder with files in a form that is not read here. */
static void advise_parts(const char *folder, char advice[4 * TEXT])
{
    char name[TEXT];
    static const char *const pickles[] = { ".bin", ".pth", ".pt" };
    bool weights = has_weights(folder);
    if (weights && !file_exists_in(folder, "tokenizer.json") &&
        file_exists_in(folder, "tokenizer.model"))
        snprintf(advice, 4 * TEXT,
            "Of tokenizers, tokenizer.json is read; the folder has tokenizer.model, of which "
            "transformers' AutoTokenizer makes one with save_pretrained");
    for (int i = 0; i < 3 && !weights && !*advice; i++)
        if (count_names(folder, pickles[i], name))
            snprintf(advice, 4 * TEXT,
                "The folder has its weights as a pickle, %s, which is a program and is not "
                "run: convert it to safetensors",
                name);
    if (!weights && !*advice) advise_ggufs(folder, advice);
    if (!weights && !*advice && count_names(folder, ".safetensors", name))
        snprintf(advice, 4 * TEXT,
            "Of weights, model.safetensors or the files that model.safetensors.index.json names "
            "are read; the folder has %s",
            name);
}

static void advise_file(const char *path, char advice[4 * TEXT])
{
    int length = (int)(file_base(path) - path);
    if (length > 1) length--; /* without the slash */
    char *folder = length ? mem_printf("%.*s", length, path) : mem_strdup(".");
    bool part =
        ends_with(path, ".json") || ends_with(path, ".safetensors") || ends_with(path, ".bin");
    if (folder && part && file_exists_in(folder, "config.json"))
        snprintf(advice, 4 * TEXT, "A model that is a folder is opened by the folder's name: %s",
            folder);
    mem_free(folder);
}

void model_path_advise(const char *path)
{
    char advice[4 * TEXT] = "", said[2048], name[TEXT];
    snprintf(said, sizeof said, "%s", cadre_last_error()); /* looking around may set an error */
    if (strchr(said, '\n')) return;
    if (file_is_folder(path) && !file_exists_in(path, "config.json")) advise_folder(path, advice);
    else if (file_is_folder(path)) advise_parts(path, advice);
    else if (file_exists(path)) advise_file(path, advice);
    else if (is_hub_name(path, name))
        snprintf(advice, sizeof advice,
            "cadre opens what is on this machine: `hf download %s --local-dir %s` fetches a "
            "model from the Hugging Face Hub",
            name, file_base(name));
    cadre_fail(CADRE_EIO, NULL, "%s", said);
    if (*advice) cadre_fail_advice("%.500s", advice);
}
