"""The reasons for which something about QR codes and pay codes is refused."""

from karez.channels.api.problem_kind import ProblemKind

QR: dict[str, ProblemKind] = {
    "qr_not_merchant_presented": ProblemKind(422, "The text is no payment code of a shop."),
    "qr_checksum_wrong": ProblemKind(422, "The check sum does not fit: the code was misread or altered."),
    "qr_truncated": ProblemKind(422, "The code ends too early; the facts name the field."),
    "qr_malformed": ProblemKind(422, "The code is no row of fields with a tag and a length."),
    "qr_too_long": ProblemKind(422, "A field, or the whole, has more characters than a code may have."),
    "qr_field_repeated": ProblemKind(422, "A field stands in the code twice; the facts name it."),
    "qr_field_malformed": ProblemKind(422, "A field has another form than it must; the facts name it."),
    "qr_mandatory_field_missing": ProblemKind(422, "A field that every code has is not there."),
    "qr_currency_unknown": ProblemKind(422, "The code asks for a currency that Karez does not know."),
    "qr_amount_malformed": ProblemKind(422, "The code asks for what is no amount above 0."),
    "qr_scheme_unknown": ProblemKind(422, "The code is for other payment schemes than Karez."),
    "qr_price_differs": ProblemKind(409, "The price is not the price of the order; do not pay."),
    "qr_order_gone": ProblemKind(404, "The order of the code is not there for you, or not any more."),
    "shopfront_missing": ProblemKind(409, "The shop has not said yet what its codes tell about it."),
    "shop_code_unknown": ProblemKind(404, "There is no such code of a shop, or it is not yours."),
    "shop_code_withdrawn": ProblemKind(409, "The shop has withdrawn the code; it pays nobody any more."),
    "shop_code_amount_needed": ProblemKind(422, "The code names no amount, so the payment must."),
    "pay_code_malformed": ProblemKind(422, "A pay code has 18 digits and begins with 28."),
    "pay_code_unknown": ProblemKind(404, "There is no such pay code; have the payer show a new one."),
    "pay_code_used": ProblemKind(409, "The pay code has paid before; have the payer show a new one."),
    "pay_code_expired": ProblemKind(409, "The pay code is older than a minute; have a new one shown."),
    "pay_code_without_wallet": ProblemKind(422, "The payer has no wallet in the currency of the charge."),
    "charge_not_found": ProblemKind(404, "Nothing was charged under this reference."),
}
