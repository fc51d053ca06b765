"""English words and phrases for everything a caption can say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from misen.scene.language.lexicon import ANY, ByValue, Lexicon, Words

_CLOTH: ByValue = {
    "red": ("red", "red", "crimson", "scarlet", "ruby", "cherry red", "bright red", "dark red", "ruby red"),
    "orange": ("orange", "orange", "tangerine", "bright orange", "pumpkin", "apricot", "carrot orange"),
    "yellow": ("yellow", "yellow", "lemon", "golden yellow", "bright yellow", "sunny yellow", "canary yellow"),
    "green": ("green", "green", "emerald", "forest green", "bright green", "olive green", "lime green", "grass green"),
    "blue": ("blue", "blue", "navy", "azure", "royal blue", "sky blue", "cobalt", "dark blue", "navy blue", "sapphire"),
    "purple": ("purple", "purple", "violet", "lilac", "plum", "lavender", "deep purple", "mauve"),
    "white": ("white", "white", "ivory", "snow-white", "off-white", "pure white", "cream white"),
    "black": ("black", "black", "jet black", "ebony", "pitch-black", "coal black"),
}

_COLORS: Mapping[str, ByValue] = {
    "skin_tone": {
        "very light": ("very light", "very fair", "porcelain", "very pale", "pale", "milky"),
        "light": ("light", "fair", "light-toned", "peach", "rosy"),
        "tan": ("tan", "tanned", "olive", "sun-kissed", "bronzed", "golden tan"),
        "brown": ("brown", "medium brown", "caramel", "medium", "light brown"),
        "dark": ("dark", "dark brown", "deep brown", "chocolate"),
        "very dark": ("very dark", "ebony", "very deep", "deep black", "extremely dark"),
    },
    "hair_color": {
        "black": ("black", "jet-black", "raven", "raven black", "ebony", "coal black", "pitch-black"),
        "brown": ("brown", "chestnut", "brunette", "chocolate brown", "dark brown", "hazelnut", "light brown"),
        "blond": ("blond", "blonde", "golden", "fair", "flaxen", "yellow", "sandy", "honey blond", "platinum blonde"),
        "red": ("red", "ginger", "auburn", "copper", "reddish", "fiery red", "orange-red", "coppery"),
        "gray": ("gray", "grey", "silver", "silvery", "graying", "ash gray", "salt-and-pepper", "steel grey"),
        "white": ("white", "snow-white", "snowy", "pure white", "milk-white"),
        "blue": ("blue", "dyed blue", "bright blue", "azure", "electric blue", "navy", "sky-blue", "dark blue"),
        "green": ("green", "dyed green", "bright green", "emerald", "lime green", "mint green", "neon green"),
    },
    "eye_color": {
        "brown": ("brown", "dark brown", "chocolate", "chestnut", "deep brown", "coffee-colored"),
        "blue": ("blue", "bright blue", "sky-blue", "azure", "sapphire", "light blue", "ocean blue", "deep blue"),
        "green": ("green", "emerald", "bright green", "emerald green", "jade", "leaf green"),
        "hazel": ("hazel", "amber", "golden brown", "honey-colored", "light hazel"),
        "gray": ("gray", "grey", "steel gray", "silvery", "smoky", "slate gray", "light grey"),
    },
    "hat_color": _CLOTH,
    "shirt_color": _CLOTH,
    "background": {**_CLOTH, "gradient": ("gradient", "color gradient", "two-tone", "shaded gradient", "blended")},
}

_PHRASES: Mapping[str, ByValue] = {
    "skin": {ANY: ("{} skin", "@ {} complexion", "{} skin tone", "@ {} skin tone")},
    "hair": {
        "bald": ("@ bald head", "@ shaved head", "@ hairless head", "@ clean-shaven scalp", "@ completely bald head",
                 "no hair"),
        "buzz": (
            "@ {} buzz cut", "@ {} buzzcut", "buzzed {} hair", "very short cropped {} hair", "close-cropped {} hair",
            "@ {} crew cut", "{} stubble hair", "@ military {} haircut",
        ),
        "short": ("short {} hair", "{} short hair", "@ short {} haircut", "short-cut {} hair", "@ short {} hairdo"),
        "curly": (
            "curly {} hair", "{} curls", "{} curly hair", "@ {} afro", "frizzy {} hair", "@ mop of {} curls",
            "fluffy {} curls", "curled {} hair",
        ),
        "long": (
            "long {} hair", "{} long hair", "long flowing {} hair", "{} shoulder-length hair", "long straight {} hair",
            "long {} locks", "loose long {} hair",
        ),
        "bun": (
            "@ {} bun", "{} hair in a bun", "{} hair tied up in a bun", "@ {} hair bun", "@ {} top knot",
            "{} hair pinned up",
            "@ {} updo",
        ),
        "ponytail": (
            "@ {} ponytail", "{} hair in a ponytail", "{} hair tied back", "@ {} pony tail", "{} hair in a pony tail",
            "{} hair pulled back in a ponytail",
        ),
        "mohawk": ("@ {} mohawk", "@ {} mohawk haircut", "@ {} mohican", "@ {} punk mohawk", "{} hair in a mohawk"),
        ANY: ("{} hair", "{}-colored hair", "{} locks", "hair that is {}"),
    },
    "eyes": {ANY: ("{} eyes", "{} eyes", "{}-colored eyes", "@ pair of {} eyes", "big {} eyes", "{} irises")},
    "glasses": {
        "round": (
            "round glasses", "circular glasses", "round eyeglasses", "round spectacles", "round-framed glasses",
            "round-rimmed glasses", "round specs", "glasses with round frames", "@ pair of round glasses",
        ),
        "square": (
            "square glasses", "rectangular glasses", "square eyeglasses", "square spectacles", "square-framed glasses",
            "boxy glasses", "angular glasses", "glasses with square frames", "@ pair of square glasses",
        ),
        "sunglasses": (
            "sunglasses", "shades", "dark glasses", "sun glasses", "dark shades", "tinted glasses", "black sunglasses",
            "@ pair of sunglasses", "cool shades", "dark lenses",
        ),
        ANY: ("glasses", "eyeglasses", "spectacles", "specs", "@ pair of glasses", "reading glasses"),
    },
    "hat": {
        "beanie": ("@ {} beanie", "@ {} knit cap", "@ {} woolly hat", "@ {} knitted hat", "@ {} beanie hat",
                   "@ {} wool hat"),
        "cap": ("@ {} cap", "@ {} baseball cap", "@ {} ball cap", "@ {} peaked cap", "@ {} snapback", "@ {} visor cap"),
        "top hat": ("@ {} top hat", "@ tall {} hat", "@ {} tophat", "@ {} cylinder hat", "@ {} magician hat"),
        "headband": ("@ {} headband", "@ {} hair band", "@ {} sweatband", "@ {} head band", "@ {} hairband"),
        ANY: ("@ {} hat", "@ {} hat", "{} headwear", "@ hat that is {}"),
    },
    "facial hair": {
        "mustache": ("@ mustache", "@ moustache", "@ handlebar mustache", "@ tache", "@ bushy moustache", "@ stache"),
        "goatee": ("@ goatee", "@ chin beard", "@ small goatee", "@ goatee beard", "@ little chin beard"),
        "beard": ("@ beard", "@ full beard", "@ bushy beard", "@ thick beard", "@ big beard", "@ long full beard"),
        ANY: ("facial hair", "some facial hair"),
    },
    "earrings": {
        "yes": ("earrings", "ear rings", "@ pair of earrings", "dangling earrings", "ear studs", "hoop earrings"),
    },
    "expression": {
        "neutral": ("@ neutral expression", "@ calm face", "@ blank expression", "@ straight face", "@ poker face",
                    "@ relaxed face", "@ neutral look", "@ serious face"),
        "smiling": ("@ smile", "@ big smile", "@ happy face", "@ grin", "@ cheerful expression", "@ bright smile",
                    "@ wide grin", "@ happy expression", "@ warm smile", "@ joyful look"),
        "sad": ("@ sad face", "@ sad expression", "@ frown", "@ gloomy look", "@ unhappy face", "@ melancholy look",
                "@ downcast expression", "@ tearful face"),
        "surprised": ("@ surprised face", "@ surprised look", "@ shocked expression", "@ astonished look",
                      "@ open mouth in surprise", "@ startled expression", "@ amazed look", "@ gasping mouth"),
        "angry": ("@ angry face", "@ angry expression", "@ furious look", "@ scowl", "@ mad face", "@ grumpy look",
                  "@ cross expression", "@ fierce glare"),
    },
    "shirt": {
        "crew": ("@ {} t-shirt", "@ {} tee", "@ {} crew-neck shirt", "@ {} tshirt", "@ {} crew neck", "@ {} tee shirt",
                 "@ {} round-neck top", "@ plain {} t-shirt"),
        "collar": ("@ {} collared shirt", "@ {} polo shirt", "@ {} button-up shirt", "@ {} shirt with a collar",
                   "@ {} dress shirt", "@ {} polo", "@ {} button-down"),
        "hoodie": ("@ {} hoodie", "@ {} hooded sweatshirt", "@ {} hoody", "@ {} hooded top",
                   "@ {} sweatshirt with a hood"),
        ANY: ("@ {} shirt", "@ {} top", "@ {} shirt", "{} clothes", "@ {} garment", "@ {} outfit"),
    },
    "background": {ANY: ("@ {} background", "@ {} background", "@ {} backdrop", "@ plain {} background", "@ {} bg",
                         "@ simple {} backdrop")},
    "material": {
        "matte": ("@ matte finish", "@ matte look", "@ dull finish", "matte material", "@ matte clay look",
                  "@ non-shiny surface"),
        "glossy": ("@ glossy finish", "@ shiny finish", "@ glossy look", "@ shiny plastic look", "glossy material",
                   "@ polished surface", "@ glazed look"),
    },
}

_PREMODIFIERS: Mapping[str, ByValue] = {
    "skin_tone": {
        "very light": ("very pale", "very light-skinned", "porcelain-skinned", "pale", "very fair-skinned"),
        "light": ("light-skinned", "fair-skinned", "light-complexioned"),
        "tan": ("tanned", "olive-skinned", "tan-skinned", "sun-kissed", "bronzed"),
        "brown": ("brown-skinned", "medium-brown-skinned", "caramel-skinned"),
        "dark": ("dark-skinned", "dark-brown-skinned"),
        "very dark": ("very dark-skinned", "ebony-skinned", "very dark"),
    },
    "hair_style": {
        "bald": ("bald", "bald", "hairless", "bald-headed", "shaven-headed", "completely bald"),
        "buzz": ("buzz-cut", "close-cropped", "buzzcut"),
        "short": ("short-haired",),
        "curly": ("curly-haired", "curly", "frizzy-haired"),
        "long": ("long-haired",),
        "bun": ("bun-haired",),
        "ponytail": ("ponytailed",),
        "mohawk": ("mohawked", "punk mohawk"),
    },
    "hair_color": {
        "black": ("black-haired", "raven-haired"),
        "brown": ("brown-haired", "brunette", "chestnut-haired"),
        "blond": ("blond", "blonde", "fair-haired", "golden-haired", "blond-haired", "blonde-haired"),
        "red": ("red-haired", "ginger", "redheaded", "ginger-haired", "auburn-haired"),
        "gray": ("gray-haired", "grey-haired", "silver-haired"),
        "white": ("white-haired", "snowy-haired"),
        "blue": ("blue-haired",),
        "green": ("green-haired",),
    },
    "eye_color": {
        "brown": ("brown-eyed",), "blue": ("blue-eyed",), "green": ("green-eyed",), "hazel": ("hazel-eyed",),
        "gray": ("gray-eyed", "grey-eyed"),
    },
    "glasses": {ANY: ("bespectacled",)},
    "facial_hair": {
        "none": ("clean-shaven", "clean shaven", "beardless"),
        "mustache": ("mustachioed", "moustached"),
        "beard": ("bearded", "full-bearded"),
        "goatee": ("goateed",),
    },
    "expression": {
        "neutral": ("calm", "expressionless", "serious", "straight-faced", "neutral-faced", "relaxed"),
        "smiling": ("smiling", "happy", "cheerful", "grinning", "joyful", "beaming", "smiley"),
        "sad": ("sad", "unhappy", "gloomy", "sorrowful", "depressed", "melancholy", "sad-looking"),
        "surprised": ("surprised", "shocked", "astonished", "amazed", "startled", "stunned"),
        "angry": ("angry", "furious", "mad", "grumpy", "scowling", "annoyed", "angry-looking"),
    },
    "hat": {"none": ("bareheaded", "hatless")},
    "material": {
        "matte": ("matte", "matte-finished", "clay-like"),
        "glossy": ("glossy", "shiny", "polished", "plastic-looking"),
    },
}

_SUBJECTS: Mapping[tuple[str, str], Words] = {
    ("feminine", "young"): ("@ {} girl", "@ {} young woman", "@ {} young lady", "@ {} teenage girl",
                            "@ {} young female",
                            "@ young {} woman", "@ {} little girl"),
    ("feminine", "adult"): ("@ adult {} woman", "@ {} adult woman", "@ {} middle-aged woman", "@ {} grown woman",
                            "@ middle-aged {} lady", "@ {} woman in her thirties", "@ {} woman of forty"),
    ("feminine", "old"): ("@ {} old woman", "@ {} old lady", "@ {} grandmother", "@ {} granny", "@ {} grandma",
                          "@ elderly {} woman", "@ {} elderly lady", "@ {} senior woman", "@ old {} woman",
                          "@ {} woman in her seventies"),
    ("feminine", ANY): ("@ {} woman", "@ {} woman", "@ {} lady", "@ {} female", "@ {} feminine person",
                        "@ {} female character"),
    ("masculine", "young"): ("@ {} boy", "@ {} young man", "@ {} young guy", "@ {} teenage boy", "@ {} young male",
                             "@ young {} man", "@ {} lad"),
    ("masculine", "adult"): ("@ adult {} man", "@ {} adult man", "@ {} middle-aged man", "@ {} grown man",
                             "@ middle-aged {} guy", "@ {} man in his thirties", "@ {} man of forty"),
    ("masculine", "old"): ("@ {} old man", "@ {} grandfather", "@ {} grandpa", "@ {} old guy", "@ elderly {} man",
                           "@ {} elderly gentleman", "@ {} senior man", "@ old {} man", "@ {} granddad",
                           "@ {} man in his seventies"),
    ("masculine", ANY): ("@ {} man", "@ {} man", "@ {} guy", "@ {} male", "@ {} gentleman", "@ {} dude",
                         "@ {} male character"),
    ("neutral", "young"): ("@ {} androgynous young person", "@ young {} androgynous person", "@ {} androgynous youth",
                           "@ {} young non-binary person", "@ {} gender-neutral young person"),
    ("neutral", "adult"): ("@ {} androgynous adult", "@ {} gender-neutral adult", "@ middle-aged {} androgynous person",
                           "@ {} adult non-binary person"),
    ("neutral", "old"): ("@ old {} androgynous person", "@ elderly {} androgynous person",
                         "@ {} gender-neutral old person", "@ {} old non-binary person"),
    ("neutral", ANY): ("@ {} androgynous person", "@ {} gender-neutral person", "@ {} non-binary person",
                       "@ {} androgynous face", "@ {} gender-neutral character"),
    (ANY, "young"): ("@ {} young person", "@ young {} person", "@ {} youngster", "@ {} kid", "@ {} teenager",
                     "@ {} youth",
                     "@ {} child"),
    (ANY, "adult"): ("@ {} adult", "@ {} middle-aged person", "@ {} grown-up", "@ {} adult person",
                     "@ {} person in their thirties"),
    (ANY, "old"): ("@ old {} person", "@ {} elderly person", "@ {} senior", "@ {} old person", "@ {} senior citizen",
                   "@ {} wrinkled old person"),
    (ANY, ANY): ("@ {} person", "@ {} person", "@ {} face", "@ {} head", "@ {} character", "@ {} avatar", "@ {} human",
                 "@ {} cartoon person", "@ {} figure", "@ {} portrait"),
}

_ABSENCES: Mapping[str, ByValue] = {
    "glasses": {"none": ("glasses", "eyeglasses", "spectacles", "eyewear"),
                "sunglasses": ("sunglasses", "shades", "dark glasses")},
    "hat": {"none": ("@ hat", "@ hat", "headwear", "headgear"), "cap": ("@ cap", "@ baseball cap"),
            "beanie": ("@ beanie",), "top hat": ("@ top hat",), "headband": ("@ headband",)},
    "facial_hair": {"none": ("facial hair", "beard or mustache", "@ beard or moustache"),
                    "beard": ("@ beard", "@ full beard"), "mustache": ("@ mustache", "@ moustache"),
                    "goatee": ("@ goatee",)},
    "earrings": {"none": ("earrings", "ear rings", "ear jewelry")},
    "hair_style": {"ponytail": ("@ ponytail",), "mohawk": ("@ mohawk",),
                   "bun": ("@ bun",), "curly": ("curls",)},
    "shirt_style": {"hoodie": ("@ hoodie",)},
}

_DENIALS: Mapping[str, ByValue] = {
    "hair_style": {"bald": ("not bald", "not hairless"), "long": ("not long-haired",), "curly": ("not curly-haired",),
                   "short": ("not short-haired",)},
    "hair_color": {"blond": ("not blond", "not blonde"), "red": ("not a redhead", "not red-haired"),
                   "black": ("not black-haired",), "brown": ("not brunette",), "gray": ("not gray-haired",)},
    "expression": {"smiling": ("not smiling", "not happy"), "sad": ("not sad", "not unhappy"),
                   "angry": ("not angry", "not mad"), "surprised": ("not surprised", "not shocked")},
    "age": {"old": ("not old", "not elderly"), "young": ("not young",)},
    "material": {"glossy": ("not glossy", "not shiny"), "matte": ("not matte",)},
}

_HAVE = ("with", "with", "with", "having", "who has", "featuring")
_WEAR = ("wearing", "wearing", "in", "with", "who wears", "dressed in", "sporting")
_HAS = ("has", "has", "has got", "shows")
_WEARS = ("wears", "is wearing", "is dressed in", "has on")

_VOWEL_SOUND = re.compile(r"@ (?=([aeio]|u(?!ni))?)", re.IGNORECASE)


def _determine(text: str) -> str:
    return _VOWEL_SOUND.sub(lambda match: "an " if match.group(1) else "a ", text)


def _bare(phrase: str) -> str:
    return phrase.replace("@ ", "")


ENGLISH = Lexicon(
    colors=_COLORS,
    phrases=_PHRASES,
    premodifiers=_PREMODIFIERS,
    subjects=_SUBJECTS,
    absences=_ABSENCES,
    denials=_DENIALS,
    views={
        "front": ("front view", "facing the camera", "facing forward", "from the front", "looking at the viewer",
                  "facing us", "frontal view"),
        "left": ("from the left", "seen from the left", "facing right", "looking to the right", "turned to the right",
                 "side view from the left", "from the left side", "in profile facing right"),
        "right": ("from the right", "seen from the right", "facing left", "looking to the left", "turned to the left",
                  "side view from the right", "from the right side", "in profile facing left"),
        "behind": ("from behind", "seen from behind", "from the back", "back view", "rear view", "facing away",
                   "view of the back of the head", "with the back turned"),
    },
    verbs={
        "skin": _HAVE, "hair": _HAVE, "eyes": _HAVE, "facial hair": _HAVE, "expression": _HAVE, "material": _HAVE,
        "glasses": _WEAR, "hat": _WEAR, "earrings": _WEAR, "shirt": _WEAR,
        "background": ("on", "against", "in front of", "with", "over", "before"),
        "absence": ("without", "with no", "without", "not having"), "denial": ("",), "view": ("",),
    },
    finite={
        "skin": _HAS, "hair": _HAS, "eyes": _HAS, "facial hair": _HAS, "expression": _HAS, "material": _HAS,
        "glasses": _WEARS, "hat": _WEARS, "earrings": _WEARS, "shirt": _WEARS,
        "background": ("stands in front of", "is shown on", "is set against", "appears on"),
        "absence": ("has no", "comes without", "does not have"), "denial": ("is",), "view": ("is shown",),
    },
    pronouns={"feminine": ("she", "She", "the woman"), "masculine": ("he", "He", "the man"),
              "neutral": ("the person", "The character"), ANY: ("the person", "The person", "it")},
    openings=(
        "a picture of ", "a portrait of ", "portrait of ", "an avatar of ", "avatar of ", "please draw ", "draw ",
        "draw me ", "generate ", "make ", "create ", "i want ", "i would like ", "can you make ", "give me ",
        "show me ", "a photo of ", "an image of ", "a profile picture of ", "a 3d render of ", "3d render of ",
        "a cute render of ", "an illustration of ", "a headshot of ", "a drawing of ", "a cartoon of ", "here is ",
        "this is ", "there is ", "close-up of ", "a rendering of ", "a toy figure of ", "paint ", "imagine ",
        "picture ", "a bust of ", "a sculpture of ", "design ", "i need ", "my friend is ", "we see ", "it shows ",
    ),
    fillers=("cute", "lovely", "nice", "stylish", "cool", "cartoon", "simple", "beautiful", "charming", "little",
             "stylized", "adorable", "funny", "pretty", "3d", "friendly-looking", "famous", "random", "typical"),
    asides=(
        "who loves coffee", "for my blog", "looking great", "for a game", "who likes music", "ready for work",
        "for my profile", "who just woke up", "at a party", "from my office", "on a sunny day", "in the city",
        "who plays the guitar", "like in a movie", "waiting for the bus", "for the team page", "as a sticker",
        "who lives next door", "walking in the park", "in the style of a toy", "who works at a bank",
        "reading a newspaper", "please", "thanks", "if possible", "just like my teacher", "on vacation",
    ),
    names=("named {}", "called {}", "from {}", "who likes {}", "thinking about {}", "for the {}", "with the {} in mind",
           "in the style of {}", "near the {}", "dreaming of {}"),
    syllables=("ba", "co", "di", "ve", "ra", "lo", "mi", "ten", "son", "ka", "ston", "dar", "wal", "pe", "ter", "gu",
               "mar",
               "ny", "la", "fre", "ho", "ly", "zan", "qui", "ger", "th", "ock", "est", "in", "or", "um", "ble", "sh",
               "ing",
               "er", "on", "ar", "el", "at", "ic", "pro", "tra", "con", "str"),
    keywords=("high quality", "4k", "best quality", "masterpiece", "3d render", "cute", "studio lighting", "avatar",
              "profile picture", "sharp focus", "portrait", "digital art", "detailed", "soft light", "icon", "emoji",
              "cartoon style", "3d", "headshot", "minimal", "toy style", "cinematic", "clean", "colorful", "8k", "hd"),
    negative_tags=("no {}", "without {}", "no {}"),
    comma=", ",
    first_gap=" ",
    gaps=(", ", ", ", " ", " and ", " "),
    listing=", ",
    last=(" and ", " and ", ", ", " plus ", " & "),
    last_absence=(" or ", " or ", " and "),
    stop=". ",
    space=" ",
    tag_separators=(", ", ", ", ", ", ",", " ", "; ", " | ", " / "),
    endings=("", "", "", ".", ".", "!", " .", ","),
    determine=_determine,
    bare=_bare,
)
