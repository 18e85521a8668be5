/* image.h - images that commands read, and those that a model writes. */
#ifndef CADRE_CLI_IMAGE_H
#define CADRE_CLI_IMAGE_H

#include "cli/command.h"
#include "cli/input.h"

/* The image as it stands in a text; freed by free(). Returns an exit code. */
int image_text(cadre_model *model, const char *path, char **text, size_t *size);

/* Its ids, behind those that are there. Returns an exit code. */
int image_ids(cadre_model *model, const char *path, token_ids *ids);

/* Writes each image among ids that go by as FOLDER/1.png, 2.png ... once its last patch is
 * there. */
typedef struct image_writer {
    const cadre_model *model; /* borrowed; NULL: no images are looked for */
    const char *folder;
    cadre_image_form form;
    int32_t *ids; /* [patches] of the image at hand */
    int64_t count;
    bool open; /* there is one */
    int64_t written;
    cadre_status status;
} image_writer;

/* folder NULL: none are written. The image that a prompt has begun is gone on with. */
int image_writer_begin(
    image_writer *w, const cadre_model *model, const char *folder, const token_ids *prompt);
/* Whether the id is of an image, whose pieces are no text to be read. */
bool image_writer_take(image_writer *w, int32_t id);
void image_writer_end(image_writer *w);

#endif
