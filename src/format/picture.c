/* picture.c - finds out which kind of picture a file is, and does what is the same for all
 * kinds. */
#include "format/picture.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"

enum { FILE_MOST = 1 << 28 }; /* bytes */

bool picture_named(const char *path)
{
    static const char *const endings[] = { ".png", ".pnm", ".ppm", ".pgm" };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) return true;
    return false;
}

cadre_status picture_parse(const char *name, const void *data, size_t size, picture *p)
{
    const uint8_t *bytes = data;
    if (size > 1 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7')
        return picture_parse_pnm(name, data, size, p);
    return picture_parse_png(name, data, size, p);
}

cadre_status picture_read(const char *path, picture *p)
{
    char *data;
    size_t size;
    CADRE_TRY(file_read(path, FILE_MOST, &data, &size));
    cadre_status status = picture_parse(path, data, size, p);
    mem_free(data);
    return status;
}

void picture_free(picture *p)
{
    mem_free(p->rgb);
    *p = (picture){ 0 };
}
