/* model_output.c - tells the listener a sentence. */
#include "weights/model_output.h"

void model_output_note(const model_output *o, const char *sentence)
{
    if (o->listener && o->listener->note) o->listener->note(o->listener->arg, sentence);
}
