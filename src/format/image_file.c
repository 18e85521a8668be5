/* image_file.c - finds out which kind of image a file is, and does what is the same for all
 * kinds. */
#include "format/image_file.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum { FILE_MOST = 1 << 28 }; /* bytes */

bool image_named(const char *path)
{
    static const char *const endings[] = { ".png", ".pnm", ".ppm", ".pgm", ".pbm" };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) return true;
    return false;
}

cadre_status image_parse(const char *name, const void *data, size_t size, image *p)
{
    const uint8_t *bytes = data;
    if (size > 1 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7')
        return image_parse_pnm(name, data, size, p);
    return image_parse_png(name, data, size, p);
}

cadre_status image_read(const char *path, image *p)
{
    char *data;
    size_t size;
    CADRE_TRY(file_read(path, FILE_MOST, &data, &size));
    cadre_status status = image_parse(path, data, size, p);
    mem_free(data);
    return status;
}

void image_free(image *p)
{
    mem_free(p->rgb);
    *p = (image){ 0 };
}
