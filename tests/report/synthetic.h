/* synthetic.h - makes run folders and recordings for the report's tests: plausible curves, experts
 * that lean to domains. */
#ifndef CADRE_TESTS_REPORT_SYNTHETIC_H
#define CADRE_TESTS_REPORT_SYNTHETIC_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/json_writer.h"

typedef struct synthetic {
    int layers, experts, picks, domains, steps, tokens; /* tokens: of a passage */
    bool drops; /* capacity: "dropped" and "entropy" are logged */
} synthetic;

static const struct {
    const char *name, *text;
} synthetic_domain[] = {
    { "de", "Das Paket wird nach dem Herunterladen geprüft und eingerichtet.\n"
            "Die Datei „sources.list“ nennt die Quellen; wer sie ändert, lädt danach die "
            "Verzeichnisse neu. " },
    { "en", "The package is verified after the download and then set up.\n"
            "The file \"sources.list\" names the mirrors; whoever edits it reloads the lists "
            "afterwards. " },
    { "es", "El paquete se comprueba tras la descarga y luego se configura.\n"
            "El archivo «sources.list» nombra los servidores; quien lo cambia vuelve a leer las "
            "listas. " },
    { "fr", "Le paquet est vérifié après le téléchargement, puis configuré.\n"
            "Le fichier « sources.list » nomme les miroirs ; qui le modifie relit ensuite les "
            "listes. " },
    { "it", "Il pacchetto viene verificato dopo lo scaricamento e poi configurato.\n"
            "Il file «sources.list» elenca i server; chi lo cambia rilegge poi gli elenchi. " },
    { "ja", "パッケージは取得した後に検査され、設定されます。\n"
            "「sources.list」には取得元が書かれており、変更した人は一覧を読み直します。" },
    { "pt", "O pacote é verificado depois da transferência e em seguida configurado.\n"
            "O ficheiro «sources.list» indica os servidores; quem o altera relê as listas. " },
    { "zh-cn", "软件包在下载之后会经过校验，然后进行配置。\n"
               "文件“sources.list”列出了镜像；修改它的人随后要重新读取列表。" },
};
enum { SYNTHETIC_DOMAINS = sizeof synthetic_domain / sizeof *synthetic_domain };

static double synthetic_noise(const char *use, uint64_t a, uint64_t b)
{
    return random_uniform(random_key_of(7, use, a, b), 0);
}

/* How much expert e of layer s is drawn to domain d: deeper layers more; es, pt and it are kin. */
static double synthetic_pull(const synthetic *run, int s, int d, int e)
{
    int home = (int)(synthetic_noise("home", (uint64_t)s, (uint64_t)e) * run->domains);
    double lean = 0.4 + 2.4 * (double)(s + 1) / run->layers;
    double pull = 0.6 * synthetic_noise("pull", (uint64_t)(s * 1000 + e), (uint64_t)d);
    bool kin = (d == 2 && home == 6) || (d == 6 && home == 2) || (d == 4 && home == 2);
    return exp(pull + (home == d ? lean : kin ? lean * 0.6 : 0));
}

static void synthetic_save(json_writer *w, const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    if (!path || json_writer_save(w, path) != CADRE_OK) abort();
    mem_free(path);
}

static void synthetic_layers(json_writer *w, const synthetic *run)
{
    json_put_array(w, "sparse_layers");
    for (int s = 0; s < run->layers; s++) {
        json_put_object(w, NULL);
        json_put_int(w, "layer", s + 1);
        json_put_int(w, "experts", run->experts);
        json_put_int(w, "topk", run->picks);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static void synthetic_description(const char *folder, const synthetic *run)
{
    json_writer w = json_writer_new(2);
    json_put_object(&w, NULL);
    json_put_string(&w, "recipe", "mixtral");
    json_put_string(&w, "model_type", "mixtral");
    json_put_int(&w, "parameters", 7480320);
    json_put_int(&w, "active_parameters", 2630144);
    json_put_int(&w, "width", 256);
    json_put_int(&w, "layers", run->layers + 1);
    json_put_int(&w, "vocab", 4096);
    synthetic_layers(&w, run);
    json_put_string(&w, "command", "cadre train --recipe mixtral --data 'the texts'");
    json_put_string(&w, "date", "2026-01-02 03:04 UTC");
    json_put_array(&w, "data_paths");
    json_put_string(&w, NULL, "the texts");
    json_put_close(&w, ']');
    json_put_object(&w, "options");
    json_put_string(&w, "router", "softmax-renorm");
    json_put_real(&w, "lr", 0.003);
    json_put_int(&w, "batch", 16);
    json_put_bool(&w, "tie", true);
    json_put_null(&w, "capacity-factor");
    json_put_array(&w, "experts");
    for (int s = 0; s < run->layers; s++) json_put_int(&w, NULL, run->experts);
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_real(&w, "seconds", 183.4);
    json_put_int(&w, "tokens", run->steps * 4096);
    json_put_int(&w, "steps", run->steps);
    json_put_close(&w, '}');
    synthetic_save(&w, folder, "run.json");
}

/* ---- metrics.jsonl ---- */

/* One number a layer, that goes from `begin` to `end`; `whole` ones are cut. */
static void synthetic_layer_metric(json_writer *w, const synthetic *run, const char *key, int step,
    double begin, double end, bool whole)
{
    json_put_array(w, key);
    for (int s = 0; s < run->layers; s++) {
        double now = end + (begin - end) * exp(-step / (0.08 * run->steps + 1)) *
                               (1 + 0.4 * s / run->layers);
        double value = now * (0.8 + 0.4 * synthetic_noise(key, (uint64_t)step, (uint64_t)s));
        json_put_real(w, NULL, whole ? floor(value) : value);
    }
    json_put_close(w, ']');
}

static void synthetic_loads(json_writer *w, const synthetic *run, int step)
{
    double early = exp(-step / (0.1 * run->steps + 1));
    json_put_array(w, "loads");
    for (int s = 0; s < run->layers; s++) {
        json_put_array(w, NULL);
        for (int e = 0; e < run->experts; e++) {
            double fixed = synthetic_noise("fixed", (uint64_t)s, (uint64_t)e);
            double load = 0.7 + 0.5 * fixed * fixed +
                          0.3 * synthetic_noise("now", (uint64_t)(step * 64 + s), (uint64_t)e);
            load = load * (1 - early) + early * 3 * fixed * fixed * fixed;
            if (early > 0.6 && fixed < 0.35) load = 0;
            json_put_int(w, NULL, (int64_t)(load * 4096 * run->picks / run->experts));
        }
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void synthetic_step(json_writer *w, const synthetic *run, int step)
{
    double t = (double)step / run->steps, noise = synthetic_noise("loss", (uint64_t)step, 0) - 0.5;
    double loss = 2.05 + 4.2 * exp(-t * 18) + 2.07 * exp(-t * 3) + 0.22 * noise;
    json_put_object(w, NULL);
    json_put_int(w, "step", step + 1);
    json_put_real(w, "loss", loss);
    json_put_real(w, "aux_loss", 0.0101 + 0.004 * exp(-t * 20) + 0.0003 * noise);
    json_put_real(w, "z_loss", 0.002 + 0.003 * exp(-t * 9) + 0.0002 * noise);
    json_put_real(w, "grad_norm", 0.45 + 2.6 * exp(-t * 30) + 0.2 * noise);
    json_put_real(
        w, "lr", 0.003 * fmin(1, (step + 1) / 40.0) * (t > 0.8 ? 1 - 0.9 * (t - 0.8) / 0.2 : 1));
    json_put_int(w, "tokens", (step + 1) * 4096);
    json_put_real(w, "tokens_per_second", 27800 + 900 * noise);
    synthetic_layer_metric(w, run, "max_vio", step, 3.1, 0.32, false);
    synthetic_layer_metric(w, run, "dead", step, 5, 0, true);
    if (run->drops) synthetic_layer_metric(w, run, "dropped", step, 2500, 90, true);
    if (run->drops)
        synthetic_layer_metric(
            w, run, "entropy", step, log(run->experts) * 0.9, log(run->experts) * 0.7, false);
    synthetic_loads(w, run, step);
    if (step % (run->steps / 10 + 1) == run->steps / 10)
        json_put_real(w, "valid_loss", loss + 0.12 - 0.2 * noise);
    json_put_close(w, '}');
}

/* Appends the writer's text to `all` as one line, and empties the writer. */
static void synthetic_line(byte_buffer *all, json_writer *w)
{
    if (json_writer_status(w) != CADRE_OK) abort();
    byte_buffer_put(all, w->text.data, w->text.size);
    byte_buffer_text(all, "\n");
    json_writer_free(w);
    *w = json_writer_new(0);
}

static void synthetic_save_lines(byte_buffer *all, const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    if (!path || all->status != CADRE_OK || file_write(path, all->data, all->size) != CADRE_OK)
        abort();
    mem_free(path);
    byte_buffer_free(all);
}

static void synthetic_metrics(const char *folder, const synthetic *run)
{
    byte_buffer all = { 0 };
    json_writer w = json_writer_new(0);
    for (int step = 0; step < run->steps; step++) {
        synthetic_step(&w, run, step);
        synthetic_line(&all, &w);
    }
    synthetic_save_lines(&all, folder, "metrics.jsonl");
}

/* ---- tokens and their routes ---- */

/* The picks of a token in a layer, in no order of weight. */
static void synthetic_picks(const synthetic *run, int s, int d, uint64_t token, int *pick)
{
    bool taken[4096] = { false };
    for (int k = 0; k < run->picks; k++) {
        double most = -1;
        for (int e = 0; e < run->experts; e++) {
            double chance = synthetic_noise("pick", token * 64 + (uint64_t)s, (uint64_t)e);
            double score = synthetic_pull(run, s, d, e) / -log(chance);
            if (taken[e] || score <= most) continue;
            most = score;
            pick[k] = e;
        }
        taken[pick[k]] = true;
    }
}

static void synthetic_routes(json_writer *w, const synthetic *run, int d, uint64_t token)
{
    json_put_array(w, "experts");
    for (int s = 0; s < run->layers; s++) {
        int pick[64];
        synthetic_picks(run, s, d, token, pick);
        json_put_array(w, NULL);
        for (int k = 0; k < run->picks; k++) json_put_int(w, NULL, pick[k]);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
    json_put_array(w, "weights");
    for (int s = 0; s < run->layers; s++) {
        double left = 1;
        json_put_array(w, NULL);
        for (int k = 0; k < run->picks; k++) {
            double share = k == run->picks - 1 ? 1
                                               : 0.5 + 0.3 * synthetic_noise("weight", token,
                                                                 (uint64_t)(s * 64 + k));
            json_put_real(w, NULL, (float)(left * share));
            left -= left * share;
        }
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

/* Bytes of the next pseudo-token of a text: up to four characters of a word, a leading space with
 * them. */
static size_t synthetic_token_size(const char *text, uint64_t serial)
{
    size_t size = 0;
    int letters = 1 + (int)(synthetic_noise("cut", serial, 0) * 4);
    if ((unsigned char)*text >= 0xE3) letters = 1 + letters / 3;
    for (int i = 0; i < letters && text[size] && !(i && strchr(" \n", text[size])); i++)
        for (size++; ((unsigned char)text[size] & 0xC0) == 0x80;) size++;
    return size;
}

/* Token `t` of domain d, whose text goes round; advances *text. */
static void synthetic_token(json_writer *w, const synthetic *run, int d, int t, const char **text)
{
    uint64_t serial = (uint64_t)(d * 10000 + t);
    if (!*text || !**text) *text = synthetic_domain[d % SYNTHETIC_DOMAINS].text;
    size_t size = synthetic_token_size(*text, serial);
    json_put_object(w, NULL);
    json_put_bytes(w, "text", *text, size);
    synthetic_routes(w, run, d, serial);
    *text += size;
}

static void synthetic_passages(json_writer *w, const synthetic *run)
{
    json_put_array(w, "passages");
    for (int d = 0; d < run->domains; d++) {
        const char *text = NULL;
        json_put_object(w, NULL);
        json_put_string(w, "domain", synthetic_domain[d % SYNTHETIC_DOMAINS].name);
        json_put_array(w, "tokens");
        for (int t = 0; t < run->tokens; t++) {
            synthetic_token(w, run, d, t, &text);
            json_put_close(w, '}');
        }
        json_put_close(w, ']');
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

/* ---- analysis.json, compare.json ---- */

static void synthetic_counts(json_writer *w, const synthetic *run)
{
    json_put_array(w, "domain_expert");
    for (int s = 0; s < run->layers; s++) {
        json_put_array(w, NULL);
        for (int d = 0; d < run->domains; d++) {
            double sum = 0;
            for (int e = 0; e < run->experts; e++) sum += synthetic_pull(run, s, d, e);
            json_put_array(w, NULL);
            for (int e = 0; e < run->experts; e++)
                json_put_int(w, NULL, (int64_t)(20000 * synthetic_pull(run, s, d, e) / sum));
            json_put_close(w, ']');
        }
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void synthetic_shuffled(json_writer *w, const synthetic *run)
{
    json_put_object(w, "shuffled_domains");
    json_put_array(w, "bits");
    for (int s = 0; s < run->layers; s++) {
        json_put_object(w, NULL);
        json_put_real(w, "mean", 0.0125);
        json_put_real(w, "deviation", 0.0031);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
}

/* Neighbours are picked together more often than others. */
static void synthetic_together(json_writer *w, const synthetic *run)
{
    json_put_array(w, "together");
    for (int s = 0; s < run->layers; s++) {
        json_put_array(w, NULL);
        for (int a = 0; a < run->experts; a++) {
            json_put_array(w, NULL);
            for (int b = 0; b < a; b++) json_put_int(w, NULL, a - b == 1 ? 900 : 300);
            json_put_close(w, ']');
        }
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void synthetic_top_tokens(json_writer *w, const synthetic *run)
{
    static const char *const part[] = { "more than\n", " one", " line" };
    json_put_array(w, "top_tokens");
    for (int s = 0; s < run->layers; s++) {
        json_put_array(w, NULL);
        for (int e = 0; e < run->experts; e++) {
            json_put_array(w, NULL);
            for (int i = 0; i < e % 4; i++) {
                json_put_object(w, NULL);
                json_put_string(w, "text", i ? " one" : "   \n");
                json_put_int(w, "count", 9 - i);
                json_put_int(w, "of", 20);
                json_put_array(w, "contexts");
                json_put_array(w, NULL);
                for (int p = 0; p < 3; p++) json_put_string(w, NULL, part[p]);
                json_put_close(w, ']');
                json_put_close(w, ']');
                json_put_close(w, '}');
            }
            json_put_close(w, ']');
        }
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void synthetic_analysis(const char *folder, const synthetic *run)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_array(&w, "domains");
    for (int d = 0; d < run->domains; d++) {
        json_put_object(&w, NULL);
        json_put_string(&w, "name", synthetic_domain[d % SYNTHETIC_DOMAINS].name);
        json_put_int(&w, "bytes", 39000 + 1700 * d);
        json_put_int(&w, "tokens", 10100 + 400 * d);
        json_put_real(&w, "bits_per_byte", 1.5 + 0.5 * synthetic_noise("bits", (uint64_t)d, 0));
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    synthetic_counts(&w, run);
    synthetic_shuffled(&w, run);
    synthetic_together(&w, run);
    synthetic_top_tokens(&w, run);
    synthetic_passages(&w, run);
    json_put_array(&w, "samples");
    for (int d = 0; d < run->domains; d++) {
        const char *text = synthetic_domain[d % SYNTHETIC_DOMAINS].text;
        json_put_object(&w, NULL);
        json_put_string(&w, "domain", synthetic_domain[d % SYNTHETIC_DOMAINS].name);
        json_put_bytes(&w, "prompt", text, strcspn(text, "\n"));
        json_put_string(&w, "text", strchr(text, '\n'));
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    synthetic_save(&w, folder, "analysis.json");
}

static void synthetic_compare(const char *folder, const synthetic *run)
{
    static const char *const name[] = { "xz -9e", "xz -9e, primed" };
    static const char *const note[] = { "the text alone",
        "what the text adds to the size of the compressed training text" };
    json_writer w = json_writer_new(0);
    json_put_array(&w, NULL);
    for (int i = 0; i < 2; i++) {
        json_put_object(&w, NULL);
        json_put_string(&w, "name", name[i]);
        json_put_string(&w, "note", note[i]);
        json_put_object(&w, "domains");
        for (int d = 0; d < run->domains; d++)
            json_put_real(&w, synthetic_domain[d % SYNTHETIC_DOMAINS].name,
                (i ? 1.62 : 2.3) + 0.5 * synthetic_noise("xz", (uint64_t)d, (uint64_t)i));
        json_put_close(&w, '}');
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    synthetic_save(&w, folder, "compare.json");
}

/* ---- whole ---- */

static void synthetic_run(const char *folder, const synthetic *run)
{
    if (file_make_folder(folder) != CADRE_OK) abort();
    synthetic_description(folder, run);
    synthetic_metrics(folder, run);
    synthetic_analysis(folder, run);
    synthetic_compare(folder, run);
}

/* A recording whose first half of tokens is the prompt. */
static void synthetic_recording(const char *folder, const char *name, const synthetic *run)
{
    byte_buffer all = { 0 };
    json_writer w = json_writer_new(0);
    const char *text = NULL;
    json_put_object(&w, NULL);
    json_put_int(&w, "cadre_routes", 1);
    json_put_string(&w, "model", "models/tiny-olmoe");
    json_put_string(&w, "architecture", "olmoe");
    json_put_string(&w, "command", "cadre generate models/tiny-olmoe -p 'two words'");
    synthetic_layers(&w, run);
    json_put_close(&w, '}');
    synthetic_line(&all, &w);
    for (int t = 0; t < run->tokens; t++) {
        synthetic_token(&w, run, 1, t, &text);
        json_put_bool(&w, "prompt", t < run->tokens / 2);
        json_put_close(&w, '}');
        synthetic_line(&all, &w);
    }
    synthetic_save_lines(&all, folder, name);
}

#endif
