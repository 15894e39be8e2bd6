"""The reasons for which disputes, refunds, and payments from several sources are refused."""

from karez.channels.api.problem_kind import ProblemKind

TRADES: dict[str, ProblemKind] = {
    "amount_above_escrow": ProblemKind(422, "Less is in escrow; the facts tell how much."),
    "dispute_not_found": ProblemKind(404, "There is no such dispute of this trade."),
    "dispute_not_yours": ProblemKind(
        403, "Who opens a dispute can withdraw it; only the other side can accept it."
    ),
    "dispute_over": ProblemKind(409, "The dispute is over; the facts tell how it ended."),
    "disputes_used_up": ProblemKind(409, "A trade can be disputed 5 times; ask customer service."),
    "evidence_used_up": ProblemKind(409, "Each side of a dispute gives 20 pieces of evidence at most."),
    "decision_amount_wrong": ProblemKind(
        422, "A partial decision returns a part of what is held; any other names no amount."
    ),
    "refund_reference_used": ProblemKind(
        409, "The trade has a refund of this reference already; use a new one for a new refund."
    ),
    "source_unknown": ProblemKind(422, "There is no such kind of source to pay from."),
    "source_named_twice": ProblemKind(422, "A source stands in the list twice; name each source once."),
    "sources_out_of_range": ProblemKind(422, "A payment is taken from 1 to 8 sources."),
    "sources_too_small": ProblemKind(
        422, "The sources give less than the price; the facts tell by how much."
    ),
    "sources_of_two_banks": ProblemKind(422, "A payment asks one bank at most."),
    "bank_payment_limit_exceeded": ProblemKind(
        422, "One payment takes less from this card or account; the facts tell how much."
    ),
    "coupon_not_found": ProblemKind(404, "You have no such coupon; list your coupons."),
    "coupon_used": ProblemKind(409, "The coupon was used before."),
    "coupon_expired": ProblemKind(409, "The coupon has expired."),
    "coupon_not_for_this": ProblemKind(422, "The coupon is for another shop or currency."),
    "spend_below_minimum": ProblemKind(422, "The price is below the least one that the coupon helps to pay."),
    "coupon_claimed_before": ProblemKind(
        409, "Everybody gets one coupon of a campaign; the facts name yours."
    ),
    "coupons_gone": ProblemKind(409, "All coupons of the campaign are taken."),
    "campaign_not_found": ProblemKind(404, "There is no such campaign for you."),
    "campaign_reference_used": ProblemKind(409, "The funder has another campaign with this reference."),
    "campaign_closed": ProblemKind(409, "The campaign is over."),
    "campaign_too_short": ProblemKind(422, "The coupons would have expired already."),
    "campaign_too_long": ProblemKind(422, "Coupons are good for 3,650 days at most."),
    "count_out_of_range": ProblemKind(422, "A campaign has 1 to 10,000,000 coupons."),
    "shop_needed": ProblemKind(403, "Only shops and institutions can do this."),
}
