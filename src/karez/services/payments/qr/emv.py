"""Payment codes of shops as EMVCo defines them: what a payer's app reads from a sticker or a till.

    MerchantCode.read("00020101021126...6304A13A").amount_minor == 2372

Whatever a code contains is kept in its order, also fields that Karez does not use (tips, other schemes' accounts), so
that reading and writing gives the same text. Tips and fees are never added to what is paid.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1 (2020).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from karez.core.money import currency_digits, currency_exponent, format_minor
from karez.core.outcomes import Rejected
from karez.services.payments.qr import fields
from karez.services.payments.qr.checksum import checksum
from karez.services.payments.qr.data_objects import DataObject, parse_objects, write_objects

PAYLOAD_LENGTH_MAX = 512

_CHECKSUM_HEAD = f"{fields.CHECKSUM}04"
_CHECKSUM_LENGTH = 4
_BEGINNING = f"{fields.FORMAT}02{fields.FORMAT_VERSION}"


@dataclass(frozen=True, slots=True)
class Shopfront:
    """What a shop shows of itself, in Latin letters and in the language of the place.

    Attributes:
        name: 1 to 25 printable ASCII characters.
        city: 1 to 15 printable ASCII characters.
        country: Two letters of ISO 3166.
        category_code: Four digits of ISO 18245, the kind of shop.
        language: Two letters of ISO 639 for the next two; none if there are none.
        local_name: The name in that language, 1 to 25 characters.
        local_city: The city in that language, 1 to 15 characters, or none.
    """

    name: str
    city: str
    country: str
    category_code: str
    language: str | None = None
    local_name: str | None = None
    local_city: str | None = None


@dataclass(frozen=True, slots=True)
class MerchantCode:
    """A payment code of a shop, which keeps all rules of the specification.

    Attributes:
        objects: Its data objects in their order, without the check sum.
    """

    objects: tuple[DataObject, ...]

    def __post_init__(self) -> None:
        fields.check_fields(self.objects)

    @staticmethod
    def read(text: str) -> "MerchantCode":
        """Take the text of a scanned code apart.

        Rejections: ``qr_not_merchant_presented``, ``qr_too_long``, ``qr_truncated``, ``qr_malformed``,
            ``qr_checksum_wrong``; those of ``fields.check_fields``.
        """
        if not text.startswith(_BEGINNING):
            raise fields.not_merchant_presented()
        if len(text) > PAYLOAD_LENGTH_MAX:
            raise _payload_too_long(len(text))
        content, given = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
        if not content.endswith(_CHECKSUM_HEAD):
            raise Rejected(
                "qr_truncated", "The code does not end with its check sum; scan the whole code again."
            )
        if checksum(_encoded(content)) != given:
            raise Rejected(
                "qr_checksum_wrong",
                f"The check sum {given} does not fit what was read; scan the code again, or ask for a new one.",
            )
        return MerchantCode(parse_objects(content.removesuffix(_CHECKSUM_HEAD)))

    def text(self) -> str:
        """Return what is drawn as a QR code.

        Rejections: ``qr_too_long``.
        """
        content = write_objects(self.objects) + _CHECKSUM_HEAD
        text = content + checksum(_encoded(content))
        if len(text) > PAYLOAD_LENGTH_MAX:
            raise _payload_too_long(len(text))
        return text

    @property
    def fields(self) -> Mapping[str, str]:
        """Return all values by their tags."""
        return dict(self.objects)

    @property
    def is_dynamic(self) -> bool:
        """Tell whether it was made for one payment."""
        return self.fields.get(fields.INITIATION) == fields.DYNAMIC

    @property
    def currency(self) -> str:
        """Return the currency in ISO 4217 letters."""
        return fields.read_currency(self.fields[fields.CURRENCY])

    @property
    def amount_minor(self) -> int | None:
        """Return what it asks for in minor units; none if the payer types the amount."""
        text = self.fields.get(fields.AMOUNT)
        return None if text is None else fields.read_amount(text, self.currency)

    @property
    def shopfront(self) -> Shopfront:
        """Return what it tells about the shop."""
        values, local = self.fields, self.template(fields.LANGUAGE)
        return Shopfront(
            name=values[fields.NAME],
            city=values[fields.CITY],
            country=values[fields.COUNTRY],
            category_code=values[fields.CATEGORY],
            language=local.get(fields.LANGUAGE_CODE),
            local_name=local.get(fields.LOCAL_NAME),
            local_city=local.get(fields.LOCAL_CITY),
        )

    @property
    def additional(self) -> Mapping[str, str]:
        """Return the additional data, such as ``fields.BILL_NUMBER``, by their tags."""
        return self.template(fields.ADDITIONAL)

    def template(self, tag: str) -> Mapping[str, str]:
        """Return the values inside a template by their tags; none if the code does not have it."""
        return dict(parse_objects(self.fields.get(tag, "")))

    def account(self, scheme: str) -> Mapping[str, str] | None:
        """Return the payee's account in a scheme, by the tags of its template.

        Args:
            scheme: The scheme's identifier.
        """
        templates = (self.template(tag) for tag, _ in self.objects if tag in fields.ACCOUNT_TEMPLATES)
        return next((each for each in templates if each[fields.SCHEME] == scheme), None)


def merchant_code(
    account: Sequence[DataObject],
    shopfront: Shopfront,
    currency: str,
    amount_minor: int | None,
    *,
    dynamic: bool,
    additional: Sequence[DataObject] = (),
) -> MerchantCode:
    """Make a payment code.

    Args:
        account: The payee's account, beginning with the scheme's identifier.
        shopfront: What it tells about the shop.
        currency: ISO 4217 letters.
        amount_minor: What it asks for; none lets the payer type the amount.
        dynamic: Whether it is for one payment.
        additional: What it tells besides.

    Rejections: ``currency_unknown``; those of ``fields.check_fields``.
    """
    amount = None if amount_minor is None else _amount_text(amount_minor, currency)
    optional = (
        (fields.AMOUNT, amount),
        (fields.COUNTRY, shopfront.country),
        (fields.NAME, shopfront.name),
        (fields.CITY, shopfront.city),
        (fields.ADDITIONAL, _inside(fields.ADDITIONAL, additional)),
        (fields.LANGUAGE, _inside(fields.LANGUAGE, _local(shopfront))),
    )
    return MerchantCode(
        (
            DataObject(fields.FORMAT, fields.FORMAT_VERSION),
            DataObject(fields.INITIATION, fields.DYNAMIC if dynamic else fields.STATIC),
            DataObject(fields.ACCOUNT_TEMPLATES[0], write_objects(account)),
            DataObject(fields.CATEGORY, shopfront.category_code),
            DataObject(fields.CURRENCY, currency_digits(currency)),
            *(DataObject(tag, value) for tag, value in optional if value),
        )
    )


def _amount_text(amount_minor: int, currency: str) -> str:
    return format_minor(amount_minor, currency_exponent(currency)).replace(",", "")


def _inside(template: str, objects: Sequence[DataObject]) -> str:
    fields.check_inside(template, objects)
    return write_objects(objects)


def _local(shopfront: Shopfront) -> list[DataObject]:
    values = (
        (fields.LANGUAGE_CODE, shopfront.language),
        (fields.LOCAL_NAME, shopfront.local_name),
        (fields.LOCAL_CITY, shopfront.local_city),
    )
    return [DataObject(tag, value) for tag, value in values if value]


def _encoded(content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise Rejected(
            "qr_malformed", "The code contains a broken character; scan it again, or ask for a new one."
        ) from None


def _payload_too_long(length: int) -> Rejected:
    return Rejected(
        "qr_too_long",
        f"The code has {length} characters, and a payment code has {PAYLOAD_LENGTH_MAX} at most; shorten its fields.",
    )
