"""Personal data in texts, by what it looks like: Presidio's recognizers that need patterns and check digits alone.

None of them loads a language model, so names and places are not found. Recognizers run only on texts that can have
what they look for, which a pattern of RE2 tells at the speed of Arrow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import MissingExtra

_SCORE = 0.4
"""Below it Presidio is not sure without the words around: nine digits may be anything."""


_SEVEN_DIGITS = r"\d(?:[^\dA-Za-wyz]{0,4}\d){6}"
"""Of a telephone number; with fewer, Germany's short ones would be found in every year and postcode. An x may be
between them."""


@dataclass(frozen=True)
class Entity:
    """``recognizer`` is the name of Presidio's class, ``hint`` what every text with one holds, as a pattern of RE2.

    ``itself`` is a pattern of Python's that must be in what was found."""

    recognizer: str
    hint: str
    itself: str = ""


ENTITIES: Mapping[str, Entity] = {
    "EMAIL_ADDRESS": Entity("EmailRecognizer", "@"),
    "PHONE_NUMBER": Entity("PhoneRecognizer", _SEVEN_DIGITS.replace(r"\d", r"\p{Nd}"), _SEVEN_DIGITS),
    "CREDIT_CARD": Entity("CreditCardRecognizer", r"(?:\p{Nd}[- ]?){12}"),
    "IBAN_CODE": Entity("IbanRecognizer", r"[0-9]{2}"),
    "IP_ADDRESS": Entity("IpRecognizer", r"[0-9]\.[0-9]|:[0-9A-Fa-f]{0,4}:"),
    "CRYPTO": Entity("CryptoRecognizer", r"[0-9A-Za-z]{25}"),
    "US_SSN": Entity("UsSsnRecognizer", r"[0-9]{3}[- .][0-9]{2}"),
    "MAC_ADDRESS": Entity("MacAddressRecognizer", r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"),
    "US_ITIN": Entity("UsItinRecognizer", r"9\p{Nd}{2}[- ]"),
    "UK_NHS": Entity("NhsRecognizer", r"[0-9]{3}"),
    "UK_NINO": Entity("UkNinoRecognizer", r"[0-9]{2}"),
    "DE_TAX_ID": Entity("DeTaxIdRecognizer", r"\p{Nd}{11}"),
    "ES_NIF": Entity("EsNifRecognizer", r"[0-9]{7}"),
    "ES_NIE": Entity("EsNieRecognizer", r"[0-9]{7}"),
    "IT_FISCAL_CODE": Entity("ItFiscalCodeRecognizer", r"\pN|[LMNPQRSTUVlmnpqrstuv]{2}"),
    "PL_PESEL": Entity("PlPeselRecognizer", r"[0-9]{11}"),
    "FI_PERSONAL_IDENTITY_CODE": Entity("FiPersonalIdentityCodeRecognizer", r"\p{Nd}{6}"),
    "IN_PAN": Entity("InPanRecognizer", r"[0-9]{4}"),
}
USUAL = ("EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "CRYPTO", "US_SSN")
"""Those that are looked for unless others are declared: hardly anything else looks like them."""


def need_presidio() -> None:
    """Raise `MissingExtra` where it is not installed; importing it takes seconds."""
    if find_spec("presidio_analyzer") is None:
        raise MissingExtra("the check pii", extra="pii")


def found(texts: pa.StringArray, entity: str) -> list[int]:
    """The rows of ``texts``, none of which is null, with an ``entity``."""
    likely = pc.indices_nonzero(pc.match_substring_regex(texts, pattern=ENTITIES[entity].hint)).to_numpy().tolist()
    return [row for row in likely if _sure(_recognizer(entity), str(texts[row]), entity)] if likely else []


def _sure(recognizer: Any, text: str, entity: str) -> bool:
    return any(
        one.score >= _SCORE and re.search(ENTITIES[entity].itself, text[one.start : one.end])
        for one in recognizer.analyze(text, [entity])
    )


@cache
def _recognizer(entity: str) -> Any:
    recognizer = getattr(import_module("presidio_analyzer.predefined_recognizers"), ENTITIES[entity].recognizer)()
    if entity == "EMAIL_ADDRESS":
        # Left alone it would fetch the list of top-level domains; the one that comes with tldextract does, everywhere.
        domains = import_module("tldextract").TLDExtract(suffix_list_urls=(), cache_dir=None)
        recognizer.validate_result = lambda text: bool(domains(text).fqdn)
    return recognizer
