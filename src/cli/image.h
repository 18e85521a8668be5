/* image.h - images that commands read, and images that a model writes. */
#ifndef CADRE_CLI_IMAGE_H
#define CADRE_CLI_IMAGE_H

#include "cli/command.h"
#include "cli/input.h"

/* Reads an image as the text that stands for it; release it with free(). Returns an exit code. */
int image_text(cadre_model *model, const char *path, char **text, size_t *size);

/* Appends the ids of an image. Returns an exit code. */
int image_ids(cadre_model *model, const char *path, token_ids *ids);

/* Looks for images among the ids that a model generates, and writes each as FOLDER/1.png, 2.png ...
 * when its last patch is there. */
typedef struct image_writer {
    const cadre_model *model; /* borrowed; NULL: no images are looked for */
    const char *folder;
    cadre_image_form form;
    int32_t *ids; /* [patches] of the current image */
    int64_t count;
    bool open; /* an image has begun */
    int64_t written;
    cadre_status status;
} image_writer;

/* folder NULL: no images are written. An image that the prompt has begun is continued. */
int image_writer_begin(
    image_writer *w, const cadre_model *model, const char *folder, const token_ids *prompt);
/* Returns whether the id belongs to an image, so that its piece is not shown as text. */
bool image_writer_take(image_writer *w, int32_t id);
void image_writer_end(image_writer *w);

#endif
