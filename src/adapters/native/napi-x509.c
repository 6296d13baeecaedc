#include "napi-x509.h"

#include <math.h>
#include <stdlib.h>

#include "x509.h"

static const char *const KEY_KINDS[] = {
    [X509_KEY_OTHER] = "other",     [X509_KEY_RSA] = "rsa",         [X509_KEY_P256] = "ec-p256",
    [X509_KEY_P384] = "ec-p384",    [X509_KEY_P521] = "ec-p521",    [X509_KEY_ED25519] = "ed25519",
};

napi_value binding_x509_missing(napi_env env, napi_callback_info info) {
  (void)info;
  const char *why = x509_load();
  return why == NULL ? make_undefined(env) : make_string(env, why);
}

/* Strings of one kind, or octets of addresses. */
static napi_value make_names(napi_env env, const struct x509_facts *facts, enum x509_name_kind kind) {
  napi_value made = NULL;
  uint32_t count = 0;
  napi_create_array(env, &made);
  for (size_t i = 0; i < facts->name_count; i++) {
    const struct x509_name *name = &facts->names[i];
    napi_value item = NULL;
    if (name->kind != kind) continue;
    if (kind == X509_ADDRESS) item = make_bytes(env, name->at, name->length);
    else napi_create_string_latin1(env, (const char *)name->at, name->length, &item);
    napi_set_element(env, made, count++, item);
  }
  return made;
}

napi_value binding_x509_read(napi_env env, napi_callback_info info) {
  struct args args;
  struct x509_facts facts;
  napi_value made = NULL;
  napi_value is_ca = NULL;
  args_read(&args, env, info);
  struct bytes der = args_bytes(&args, 0);
  if (args.bad) return NULL;
  if (x509_read((struct x509_octets){der.at, der.length}, &facts)) {
    napi_create_object(env, &made);
    napi_get_boolean(env, facts.is_ca, &is_ca);
    set_value(env, made, "subjectText", make_string(env, facts.subject_text));
    set_value(env, made, "issuerText", make_string(env, facts.issuer_text));
    set_value(env, made, "subject", make_bytes(env, facts.subject, facts.subject_length));
    set_number(env, made, "notBefore", facts.not_before);
    set_number(env, made, "notAfter", facts.not_after);
    set_value(env, made, "isCa", is_ca);
    set_value(env, made, "keyKind", make_string(env, KEY_KINDS[facts.key_kind]));
    set_number(env, made, "keyBits", facts.key_bits);
    set_value(env, made, "publicKey", make_bytes(env, facts.public_key, facts.public_key_length));
    set_value(env, made, "dnsNames", make_names(env, &facts, X509_DNS));
    set_value(env, made, "emails", make_names(env, &facts, X509_EMAIL));
    set_value(env, made, "addresses", make_names(env, &facts, X509_ADDRESS));
  }
  x509_facts_free(&facts);
  return made;
}

napi_value binding_x509_read_crl(napi_env env, napi_callback_info info) {
  struct args args;
  struct x509_crl_facts facts;
  napi_value made = NULL;
  args_read(&args, env, info);
  struct bytes der = args_bytes(&args, 0);
  if (args.bad || !x509_read_crl((struct x509_octets){der.at, der.length}, &facts)) return NULL;
  napi_create_object(env, &made);
  set_value(env, made, "issuerText", make_string(env, facts.issuer_text));
  set_number(env, made, "thisUpdate", facts.this_update);
  set_value(env, made, "nextUpdate", isnan(facts.next_update) ? make_undefined(env) : make_number(env, facts.next_update));
  return made;
}

/* An array of Uint8Array; `items` is to be freed by the caller, the octets are JavaScript's. */
static struct x509_list read_list(struct args *args, size_t index) {
  struct x509_list list = {NULL, 0};
  bool is = false;
  uint32_t count = 0;
  if (index < args->count) napi_is_array(args->env, args->values[index], &is);
  if (!is || napi_get_array_length(args->env, args->values[index], &count) != napi_ok) {
    args_fail(args, "an array of Uint8Array is expected");
    return list;
  }
  struct x509_octets *items = calloc((size_t)count + 1, sizeof *items);
  list.items = items;
  for (uint32_t i = 0; i < count && items != NULL; i++) {
    struct args one = {.env = args->env, .count = 1, .bad = args->bad};
    if (napi_get_element(args->env, args->values[index], i, &one.values[0]) != napi_ok) break;
    struct bytes octets = args_bytes(&one, 0);
    args->bad = one.bad;
    items[list.count++] = (struct x509_octets){octets.at, octets.length};
  }
  return list;
}

napi_value binding_x509_verify_chain(napi_env env, napi_callback_info info) {
  struct args args;
  char why[X509_WHY];
  args_read(&args, env, info);
  struct bytes leaf = args_bytes(&args, 0);
  struct x509_list intermediates = read_list(&args, 1);
  struct x509_rules rules = {
      .anchors = read_list(&args, 2),
      .crls = read_list(&args, 3),
      .now = args_number(&args, 4),
      .allow_tls_usage = args_bool(&args, 5),
  };
  napi_value made = NULL;
  if (!args.bad && !x509_verify_chain((struct x509_octets){leaf.at, leaf.length}, intermediates, &rules, why)) made = make_string(env, why);
  free((void *)(uintptr_t)intermediates.items);
  free((void *)(uintptr_t)rules.anchors.items);
  free((void *)(uintptr_t)rules.crls.items);
  return made;
}
