/* image.c - images between files and token ids, through the library. */
#include "cli/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/complain.h"

static cadre_status form_of(const cadre_model *model, cadre_image_form *form)
{
    *form = (cadre_image_form){ .size = sizeof *form };
    return cadre_model_image_form(model, form);
}

int image_ids(cadre_model *model, const char *path, token_ids *ids)
{
    cadre_image_form form;
    cadre_status status = form_of(model, &form);
    if (status != CADRE_OK) return complain_status(status);
    size_t more = (size_t)form.patches + 2;
    int32_t *longer = realloc(ids->id, ((size_t)ids->count + more) * sizeof *longer);
    if (!longer) return complain_world("out of memory");
    ids->id = longer;
    status = cadre_image_encode(model, path, ids->id + ids->count);
    if (status != CADRE_OK) return complain_status(status);
    ids->count += (int64_t)more;
    return EXIT_DONE;
}

int image_text(cadre_model *model, const char *path, char **text, size_t *size)
{
    const cadre_tokenizer *tokenizer;
    token_ids ids = { 0 };
    char *decoded;
    int exit_code = image_ids(model, path, &ids);
    cadre_status status = exit_code == EXIT_DONE ? cadre_model_tokenizer(model, &tokenizer) : 0;
    if (exit_code == EXIT_DONE && status == CADRE_OK)
        status = cadre_tokenizer_decode(tokenizer, ids.id, ids.count, 0, &decoded, size);
    free(ids.id);
    if (exit_code != EXIT_DONE) return exit_code;
    if (status != CADRE_OK) return complain_status(status);
    *text = malloc(*size + 1);
    if (*text) memcpy(*text, decoded, *size);
    cadre_free(decoded);
    return *text ? EXIT_DONE : complain_world("out of memory");
}

/* ---- writing ---- */

int image_writer_begin(
    image_writer *w, const cadre_model *model, const char *folder, const token_ids *prompt)
{
    *w = (image_writer){ .folder = folder };
    if (!folder) return EXIT_DONE;
    cadre_status status = form_of(model, &w->form);
    if (status != CADRE_OK) return complain_status(status);
    if (!w->form.side)
        return complain_world("--images: expected a model that was trained on images, found one "
                              "without a code book");
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return complain_world(
            "%s: expected a folder that can be made, found: %s", folder, strerror(errno));
    w->ids = malloc((size_t)w->form.patches * sizeof *w->ids);
    if (!w->ids) return complain_world("out of memory");
    w->model = model;
    int64_t begin = prompt->count;
    while (begin > 0 && prompt->id[begin - 1] != w->form.begin) begin--;
    if (!begin || prompt->count - begin >= w->form.patches) return EXIT_DONE; /* it is whole */
    for (int64_t i = begin - 1; i < prompt->count; i++) image_writer_take(w, prompt->id[i]);
    return EXIT_DONE;
}

static void write_image(image_writer *w)
{
    char path[4096];
    w->open = false;
    int size = snprintf(path, sizeof path, "%s/%lld.png", w->folder, (long long)++w->written);
    if (size < (int)sizeof path) w->status = cadre_image_write(w->model, w->ids, w->count, path);
}

bool image_writer_take(image_writer *w, int32_t id)
{
    const cadre_image_form *f = &w->form;
    if (!w->model) return false;
    bool code = id >= f->first_code && id < f->first_code + f->codes;
    if (id == f->begin) w->open = true, w->count = 0;
    else if (w->open && code) w->ids[w->count++] = id;
    else w->open = false;
    if (w->open && w->count == f->patches && w->status == CADRE_OK) write_image(w);
    return code || id == f->begin || id == f->end;
}

void image_writer_end(image_writer *w) { free(w->ids); }
