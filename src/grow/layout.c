/* layout.c - chooses a family's layout, or cadre's own. */
#include "grow/layout.h"

#include <stdio.h>

#include "arch/config_fit.h"

/* *why: what files of this type cannot say; NULL: they can say everything. */
static cadre_status refusal_of(
    const char *type, const model_config *c, char *text, size_t room, const char **why)
{
    const architecture *arch = architecture_by_type(type);
    const char *lost = NULL;
    model_config tried = *c; /* borrows */
    tried.arch = arch;
    *why = architecture_refusal(arch, &tried);
    if (*why) return CADRE_OK;
    CADRE_TRY(architecture_loses(arch, &tried, &lost));
    snprintf(text, room, "they have no key for %s", lost ? lost : "");
    *why = lost ? text : NULL;
    return CADRE_OK;
}

cadre_status layout_choose(const char *const *types, const char *where,
    const cadre_output_listener *listener, model_config *config)
{
    char text[128], first[256] = "";
    const char *why = NULL;
    for (int i = 0; types[i]; i++) {
        CADRE_TRY(refusal_of(types[i], config, text, sizeof text, &why));
        if (!why) {
            config->arch = architecture_by_type(types[i]);
            return CADRE_OK;
        }
        if (!i) snprintf(first, sizeof first, "files of %s cannot say this (%s)", types[0], why);
    }
    CADRE_TRY(refusal_of("cadre", config, text, sizeof text, &why));
    if (why)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "expected a model that the layout cadre can hold when it is sparse, found one that it "
            "cannot: %s",
            why);
    config->arch = architecture_by_type("cadre");
    char note[512];
    snprintf(note, sizeof note, "\"model_type\": \"cadre\" in config.json, for %s", first);
    if (first[0] && listener && listener->note) listener->note(listener->arg, note);
    return CADRE_OK;
}
