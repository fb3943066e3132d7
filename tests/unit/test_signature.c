/* Signature verification: spec/host-api.md sections 7.1, 7.2 and 10. The tables are what the
 * reference's host functions answered, except where a source is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "crypto/signature.h"
#include "util/hex.h"

/* A signature, its message and its key, decoded. */
struct triple {
    subx_bytes signature, message, key;
};

static struct triple decode(const char *signature, const char *message, const char *key)
{
    struct triple triple;
    assert_int_equal(subx_hex__decode(subx_slice__text(signature), &triple.signature, NULL), 0);
    assert_int_equal(subx_hex__decode(subx_slice__text(message), &triple.message, NULL), 0);
    assert_int_equal(subx_hex__decode(subx_slice__text(key), &triple.key, NULL), 0);
    assert_int_equal(triple.signature.len, 64);
    assert_int_equal(triple.key.len, 32);
    return triple;
}

static void drop(struct triple *triple)
{
    subx_bytes_free(&triple->signature);
    subx_bytes_free(&triple->message);
    subx_bytes_free(&triple->key);
}

typedef bool (*verify_fn)(const uint8_t signature[64], subx_slice message,
                          const uint8_t public_key[32]);

static bool verify(verify_fn function, const struct triple *triple)
{
    return function(triple->signature.data, (subx_slice){triple->message.data, triple->message.len},
                    triple->key.data);
}

static void assert_verdict(verify_fn function, const char *scheme, const char *name,
                           const struct triple *triple, bool expected)
{
    if (verify(function, triple) != expected)
        fail_msg("%s, %s: expected %s", scheme, name, expected ? "valid" : "invalid");
}

/* Whether damage to any single bit of signature, message or key is noticed. */
static void assert_every_bit_counts(verify_fn function, const struct triple *triple)
{
    const subx_bytes *const parts[] = {&triple->signature, &triple->message, &triple->key};
    for (size_t p = 0; p < 3; p++) {
        for (size_t bit = 0; bit < 8 * parts[p]->len; bit++) {
            const uint8_t mask = (uint8_t)(1u << bit % 8);
            parts[p]->data[bit / 8] ^= mask;
            if (verify(function, triple))
                fail_msg("bit %zu of part %zu does not matter", bit, p);
            parts[p]->data[bit / 8] ^= mask;
        }
    }
    assert_true(verify(function, triple));
}

static const struct {
    const char *name, *signature, *message, *key;
    bool valid;
} ed25519_cases[] = {
    /* RFC 8032, section 7.1, tests 1 to 3. */
    {"RFC 8032 test 1",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
     "", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", true},
    {"RFC 8032 test 2",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
     "72", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", true},
    {"RFC 8032 test 3",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
     "af82", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", true},
    {"mixed order R",
     "8df7d2ca70a4b6d694055c1edf85d097a8892d9435c4df003539a511732b5cce"
     "5fda58ed424aaa6cd3d372c69af1dffe34aa065821fc32e17715d847def33209",
     "48ca69f13a0459", "7db1265a98d5e9949382cad73592f9531c898cdfefcd5196ec80699b0878deeb", true},
    {"bad R",
     "8fbca351bb0b94809e34aef427ab82aec68eb33b864febda3a3669db4d962212"
     "74ce2d528dba092f7d774de87d6e37c07c1af79a9b548ef3622f1f7f2551110a",
     "ca70cb91fc6c55", "c6ac914a0530069a0b9a1e3e375ab7e7bcba457ae32b000b62f66dbc206711b8", false},
    {"small order, s zero",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "0000000000000000000000000000000000000000000000000000000000000000",
     "a8be6afc36480f", "0000000000000000000000000000000000000000000000000000000000000000", true},
    {"s not canonical",
     "a390b8fbc74ae289e710cf5cfb3bf8919506ef0a25ef110f0be4280163de8a63"
     "a9cbced7597e1ac1800992de751ebb1d8ed0acddda1b854dde2ff1fabe2c6718",
     "7934a8e8e160fe", "3753f3ee2864fdfb8ab4b944ba6dc0cb7ca5c774c969a2149fb342fff09d4a49", false},
    {"mixed order key",
     "6c40331f04038a3a1b902ebf8d7075d290cd879476ab8e8fe6eebdccb6f8633c"
     "6b9858dba4289b13eba8eb1c506c1790f3b9dd5494c6ba779712ae8e1eeaea05",
     "9ce48fc0de45e4", "1cdeaab725a0abc22098f0273110112f0c56c8c2300d846e04a19c58cce15e2d", true},
    {"other message",
     "92dfdee06531e54520d43be89ab0cc157c2cf654e792a14182eb249f3a5d33aa"
     "8e0cd3abf520d18d4533b5168af932a2aa696ad730cdfdffff47a5ae7e5d480b",
     "fbe853880e92295e8f04daf8f570baf84d80786259a90ea438c75dea99db3f9f01",
     "b8f9ab551d394f5f5fdc40db8528cad432062f5685bd27145f2d205417f47642", false},
    {"other message",
     "ea7a676e30f39af7b0bb2a0b16bf85baf364166d5afa20153463f84791a7d2e2"
     "d32e454a97bd9d52bdeda7540451e81b3eb9ab769f92324d5fd6faffa257b501",
     "50ddc5860bd23ef7b1af27e16b7f4962cf48c4832886d76a0ce6cf7c29121bc501",
     "bdc92fd4d6dc425fa5a972ce292fdda495f40e0e53d403286ad5016d68145a98", false},
    {"small order, s zero",
     "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
     "0000000000000000000000000000000000000000000000000000000000000000",
     "", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", true},
    {"all zero",
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000",
     "", "0000000000000000000000000000000000000000000000000000000000000000", true},
    {"all zero",
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000",
     "", "0000000000000000000000000000000000000000000000000000000000000000", true},
    {"bad R",
     "15f37b3692a40e256642b071c18c095556c7fcf0c3f258400a6f54dd8fc6a192"
     "c94bc00db04803ddb38a8137114dcb27c3502d04ddbb3d6d0dd4cee4e2a57806",
     "d53aa4d03db860176d147480e922ebf14716a77808d3a9b8c2b7b55b744a1219",
     "e8fa5461c75b2de9661d01655f75e9e5bb7348fcfd091c1fe9b4808afc90084f", false},
    {"s equal to l",
     "f4bf5b29d769c280a0c1c1ec676a0f8b709e0ffe0d9639933667ba0d28b4e7b3"
     "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "", "73328bd1608b536592c04d838ff8b2bec5396ada9f244f46788b8ecb9f9c5b44", false},
    {"mixed order key",
     "b2612d0044447fc1f545ebaf94f5c134fe00fc07b7f2d692ee8ba4c52855f4fd"
     "300fe3ff346697e3b204e3dff53146c355ade70b940bcbf9a646f76128a4f907",
     "", "a48c8156bacb669fd39397fb68d8e03820fc1182ef0b40302a4f010dbf5a484d", true},
    {"good",
     "bb854a65f05d5e0544a415b3b132ef869fcd2fa27c608133af6c829d9ba0c2fd"
     "851a5b6c8f167ae4ec97b1cfe4b374c2f71179bcf8091d20347e0ee82985b801",
     "9ab583cf202842ad96a162389c51ba9efcde9e56b868f9d7cf87f43ad2573fe3",
     "d4042aab5cc95507c5e14bba905a0e87d56fcca132453a56c769a112350fcd13", true},
    {"good",
     "a9d2a97db3b3c742581dc9c741a640f1583706984d84acbd708ec3a66c3dcb37"
     "629e016bca3680539f185a2904655c5e9b948ec04523c00ecb8443e7595e0508",
     "b955c01b865d35f80176f716a105cf6916204aaadfca388ff4870f667d682301",
     "0cd21810fbd7dec33b990695d0c553bc2d5215fb167910559ef5581dbdd84b87", true},
    {"s equal to l",
     "585b746001b6d12cde39de9a22709629f152bdf700544b9e1dc176115408bc80"
     "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
     "c4", "a484a21e80bee057b2aa3e8bce80ee441f363fadf3c6246f0a9447576d1d7089", false},
    {"s not canonical",
     "cfdf0318c32de9df45d9e76348a2a9aaa82fccb4405123a32e82cdfe5ad6b20b"
     "5354cfa28cf7464400ef5cf1ff656e4f273987656658df34390c7bf5619be41a",
     "28", "51876066f699616faa141873840f8f766092653ec952345dd15b9a24e800f267", false},
    {"random key",
     "ee8dd94b6a41ddc8b239cad010f89ac0c9153f057d8cd4882ace02e498e2c977"
     "e3783f94eda6eba442314df181bb4ea957df7712c4d9fd0e6e0d494a0b919301",
     "75", "b699a274b51f44a409092e89b81dc049eb1feef3342a527f806d24c3d7ddbf40", false},
};

static void ed25519(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ed25519_cases / sizeof ed25519_cases[0]; i++) {
        struct triple triple =
            decode(ed25519_cases[i].signature, ed25519_cases[i].message, ed25519_cases[i].key);
        assert_verdict(subx_signature__ed25519_verify, "ed25519", ed25519_cases[i].name, &triple,
                       ed25519_cases[i].valid);
        drop(&triple);
    }
}

static void ed25519_every_bit_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct triple triple =
            decode(ed25519_cases[i].signature, ed25519_cases[i].message, ed25519_cases[i].key);
        assert_every_bit_counts(subx_signature__ed25519_verify, &triple);
        drop(&triple);
    }
}

/* ZIP-215's own test: each encoding of each point of small order, canonical or not, as key and as
 * R, with s = 0, is valid for every message. */
static void ed25519_small_order_matrix(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    const size_t count = sizeof points / sizeof points[0];
    assert_int_equal(count, 14);
    for (size_t r = 0; r < count; r++) {
        for (size_t k = 0; k < count; k++) {
            char signature[129];
            memcpy(signature, points[r], 64);
            memset(signature + 64, '0', 64);
            signature[128] = '\0';
            struct triple triple = decode(signature, "5a63617368", points[k]);
            assert_verdict(subx_signature__ed25519_verify, "small order", points[k], &triple, true);
            triple.signature.data[32] = 1;
            assert_verdict(subx_signature__ed25519_verify, "s = 1", points[k], &triple, false);
            drop(&triple);
        }
    }
}

static const struct {
    const char *name, *signature, *message, *key;
    bool deprecated, strict; /* valid for the first version, for the second */
} sr25519_cases[] = {
    /* The legacy vector of sp-core: secret seed of zeros, "SUBSTRATE". */
    {"sp-core, old style",
     "28a854d54903e056f89581c691c1f7d2ff39f8f896c9e9c22475e60902cc2b35"
     "47199e0e91fa32902028f2ca2355e8cdd16cfe19ba5e8b658c94aa80f3b81a00",
     "535542535452415445", "def12e42f3e487e9b14095aa8d5cc16a33491f1b50dadcf8811d1480f3fa8627", true,
     false},
    {"bad R",
     "90f57e7900e9b5969bf74c6faf71a0f9aba02c4d22b74bf464ee523e10bc1043"
     "b13657f3d28228ee4826ade9e5bc9367c80755641cb3845c296c122c8d140286",
     "", "7434a0845ced0e7a1311275b87d0d109dc926eea2799d79265e05663cc0a5754", false, false},
    {"old style with marker",
     "be437fed3c1f896fd69fa96c54467120a3bb9a3ce4d8984319fb249ada18c40d"
     "7997ebc44a587157d5e1bceac2bc18ae6955c6dc2d843f58f51e0ed36bd0158d",
     "a3341493a0831d95d6", "d2bad755f389f95bb7b04cf5f879a68ba550313b3bacca56f3d6bff21cc70b34",
     false, false},
    {"old style with marker",
     "0240ad2d574bdb913806c0e5755211d7e253981d36bb444fffbbbd6625ac2b7a"
     "822837fea172aec521784ccaac7c9cea812bdfe4e93fe4b4c68d31b750c75887",
     "1cb6cf4723713f4157327904066be5040592e6eb89d6e359d118d947c0540fb7",
     "00cc6f040322e36293d473ccc9b21b340b8d6a76aa577c582e81d6bd86abdc37", false, false},
    {"old style damaged",
     "e0d0806428a4f35d028d3ac5096fbbd489365f4c0e2c6525c27c4292cca7f62f"
     "a4df7033622f259fd9fa9bf29588a40fd9665910315deac66df45b54c291f202",
     "3d", "b64de99c64dfa9633332e6b7df3ebae1ab8edc3121587a71fb8a6be7f0c78b59", false, false},
    {"marker cleared",
     "42d3eaebecbe51d9f2fd0f30fb8513cb48dc37e654524ac5da0ef7b512986c1d"
     "5d23a64afb29064370e1c935e387c559e12b1ec0e896a59e2bbe0bbb69400702",
     "", "9a8e9b31e26f7813de495a30e35230936757627acb2fd59919fae7f280eda670", false, false},
    {"good",
     "5a44a65ceabb5e7ea9f3ab9044d796ea5f702eb205ed4f1e1a28ebc263e14977"
     "f1aad44382be499e517608fe4ced4467d73adebb66e43e24df67aec58f00db8b",
     "ad91071ac317725b89101ff5111ef789ecc0c1eb978f288041f34f0e6d8ac2e0",
     "2eb026a0de43134b15fdebfc67d796c7ffc7e90d9362d3cfbb7f17082140773b", true, true},
    {"good",
     "7043878dd643e51e45adc62f8a889d77467cf5c0426c0e3b0f5340d8a2064e33"
     "cef68f47a95574852530b438aa6121bd6762cc6e77f04d081f291785543e2a85",
     "", "5e8cc098fdbac0b2e9a1569b4b2dc748e7bce4dfdef9f125e4c607b56e056738", true, true},
    {"other message",
     "1eee1594f432608b464ced15d1653f1f3f966949e67fe6f5021407dc003d4370"
     "34c4c07a28129317115fdd8e43ddbe18213af081c60767ec70629dad78b54280",
     "3773c0638bd25766fe2c7719c3b59d46680d1e795d8b940fb1bf15bc3070363500",
     "1edcf7590166708fb4ff1d2a9807c46c0e182f80b94c00ecd39322f5c6b70230", false, false},
    {"all zero",
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000080",
     "7d77fd4d3f3758784797e2c47c5261818c2f6555ab14a7681c8f819baa91d185",
     "0000000000000000000000000000000000000000000000000000000000000000", true, true},
    {"bad s",
     "a4e5465084726857f44763b00753c29a301530ed37a3116dd3916c049d0ab643"
     "279e80d28fbf1a48b5b34cbf5aba77d03edf0f782202cfd6bf9c71bcb9f9d585",
     "", "06709c55b9677711cbb504c0dc78c366d7d112a44eea2e53140cdb2099172630", false, false},
    {"random key",
     "a403b2a49f46fba5c84803943614229c3fa94c043edd5a8b08488399ccb98a48"
     "2459920fa343afb5bc320ab7c6ec952ccb8e7774807494d001fc8f754c7c0384",
     "f3cafd12a1c018b957", "7605ed4395196fcaec75bc5fcc31dc941e8e09b2343da69ce6fc4d0d8b8f1fc8",
     false, false},
    {"identity key, valid",
     "86858bc77ae2a92b1f6385151ffb1e62fc0ee0519f092dd4c58d543c95645906"
     "96787e28e0b264dc657bb2aa594ab3b9fcd3b87c917b741a0bbf590b397ef185",
     "af", "0000000000000000000000000000000000000000000000000000000000000000", true, true},
    {"s not canonical",
     "5474adf2884665bd9f138ae3ad7d51475080a05bb600102a99ff85a78ee7291f"
     "1f5ae7181499329695358b32acca80ccb1a1946d3982cdcfa61e539826599995",
     "e94c50f2108f1c6ea3596d906bea075af664a22f7a697036ceac7e1fed686b4d",
     "1a75d634c5bf49e8021ff1659a3501c74a84297dd1302649cf5bdc0cd6da9309", false, false},
    {"bad s",
     "249fd7bad503f85f5a8f6b8d5f8c3098f9e394a7bb31f721b5d892f619ee9429"
     "b5a97e522a551385e12a37a221fbacd432bbacb84a1d6b9840b586559b00158d",
     "aa747c6dbad9a1b125", "5602b26e951c483206009b20df501834e37f8ec5eb53da8143a833627691f02c",
     false, false},
    {"s not canonical",
     "5c01e902c2f298372848deb20cae50f197e2293e9aac0cd748cbc1d7dc8b4b44"
     "c932707433cf5d6f88b21a33f56b71346d4a1100c5870a1401ddc876ffff1b96",
     "ae2410f6d7ef1aa845", "ac130c00770407d4e79f61b85fab5ec2cd663f99aeac5458953a21113094a419",
     false, false},
    {"all zero",
     "0000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000",
     "76", "0000000000000000000000000000000000000000000000000000000000000000", true, false},
    {"marker cleared",
     "faac23712de8e885d4e3c2cef96029c510804417b849db65b6077744721a294f"
     "488ad6f23c89f77b1e7ebbe9bf23d110fab1b325e20d165f2c25b6f88443760d",
     "5c", "8a28cf8574c5e7599b5619f15a1dae009d6c1d63c8605ebf3fccbb8da4b47266", false, false},
    {"identity key, valid",
     "606912c0b8dd6678641627161a1b06bb269dd5bde3f312574da24c3ce473fe24"
     "b0ab7c722aa92152cb46ade85ffc2ec2ccd90d3d000836bd3e5192d45593968b",
     "d8", "0000000000000000000000000000000000000000000000000000000000000000", true, true},
    {"old style",
     "d250f21ff435dd6a2c3595bbbbf130cc9e9ca9ab52182fdb052a5c2fc64e4c16"
     "b540ee15676b0839320b9915b7ef3f259dd476b5b5ca6a17ef95bee958d98b0d",
     "", "46ae8af0024d20a45e98ea81e586d6f44f06dd809771a696d76e92d0859d3f3b", true, false},
    {"old style",
     "94d6bbc903f0d8e568fdf45bb415b81d71061860175312397cb982aa313c1408"
     "6f022eb3099bd29a944b11cb5e849d5cae2e7dfd390743fe246dc1f4c8e36c02",
     "", "f0d0275cc109351754c5f426960128928383e13fc69e34d5155ef174f21a0d34", true, false},
};

static void sr25519(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sr25519_cases / sizeof sr25519_cases[0]; i++) {
        struct triple triple =
            decode(sr25519_cases[i].signature, sr25519_cases[i].message, sr25519_cases[i].key);
        assert_verdict(subx_signature__sr25519_verify_deprecated, "sr25519 version 1",
                       sr25519_cases[i].name, &triple, sr25519_cases[i].deprecated);
        assert_verdict(subx_signature__sr25519_verify, "sr25519 version 2", sr25519_cases[i].name,
                       &triple, sr25519_cases[i].strict);
        drop(&triple);
    }
}

static void sr25519_every_bit_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sr25519_cases / sizeof sr25519_cases[0]; i++) {
        if (strcmp(sr25519_cases[i].name, "good") != 0)
            continue;
        struct triple triple =
            decode(sr25519_cases[i].signature, sr25519_cases[i].message, sr25519_cases[i].key);
        assert_every_bit_counts(subx_signature__sr25519_verify, &triple);
        assert_every_bit_counts(subx_signature__sr25519_verify_deprecated, &triple);
        drop(&triple);
        return;
    }
    fail_msg("no good signature in the table");
}

static void empty_message_may_be_null(void **state)
{
    (void)state;
    struct triple triple = decode(ed25519_cases[0].signature, "", ed25519_cases[0].key);
    assert_true(subx_signature__ed25519_verify(triple.signature.data, SUBX_EMPTY, triple.key.data));
    assert_false(
        subx_signature__sr25519_verify(triple.signature.data, SUBX_EMPTY, triple.key.data));
    assert_false(subx_signature__sr25519_verify_deprecated(triple.signature.data, SUBX_EMPTY,
                                                           triple.key.data));
    drop(&triple);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519),
        cmocka_unit_test(ed25519_every_bit_counts),
        cmocka_unit_test(ed25519_small_order_matrix),
        cmocka_unit_test(sr25519),
        cmocka_unit_test(sr25519_every_bit_counts),
        cmocka_unit_test(empty_message_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
