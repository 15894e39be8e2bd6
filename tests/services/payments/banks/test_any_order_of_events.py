"""Workers, banks, people and crashes in any order: in the end the book has what the bank has done, once."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from karez.ledger.operations import RowUpdate
from karez.services.payments import accounts
from karez.services.payments.banks.booking import Known, decided
from karez.services.payments.banks.instructing import NewInstruction, instruct, instruction_id
from karez.services.payments.banks.interventions import ask_again, give_up
from karez.services.payments.banks.leases import Taken
from karez.services.payments.banks.records import BankChoice, Instruction
from karez.services.payments.banks.schedule import next_call
from karez.services.payments.banks.states import OPEN, Happening, State, moves_money, reached
from tests.services.payments.banks.desk import SETTLERS
from tests.services.payments.memory_karez import BANK, HOUSE, MemoryKarez

LEASE_NS = 60_000_000_000
CALLS_MAX = 100
WEALTH_MINOR = 1_000_000
WAITING = frozenset({State.UNKNOWN, State.PROCESSING, State.DECLINED, State.GIVEN_UP})


@dataclass
class PaperBank:
    """What a bank is to Karez: it carries an order out once, by its id, and tells the truth when it tells anything.

    Attributes:
        standings: How the orders that have arrived stand.
        under_way: Orders that are sent and have not arrived.
        sent: How often an order was sent.
        denied: How often the bank said that it never saw an order.
    """

    standings: dict[UUID, Happening] = field(default_factory=dict)
    under_way: list[UUID] = field(default_factory=list)
    sent: dict[UUID, int] = field(default_factory=dict)
    denied: dict[UUID, int] = field(default_factory=dict)

    def send(self, order: UUID) -> None:
        self.sent[order] = self.sent.get(order, 0) + 1
        self.under_way.append(order)

    def arrive(self, order: UUID, decision: Happening) -> Happening:
        self.under_way.remove(order)
        return self.standings.setdefault(order, decision)

    def ask(self, order: UUID) -> Happening:
        if order not in self.standings:
            self.denied[order] = self.denied.get(order, 0) + 1
            return Happening.NEVER_SEEN
        return self.standings[order]


class InstructionMachine(RuleBasedStateMachine):
    """Instructions of one person, with any number of workers."""

    instructions = Bundle("instructions")

    def __init__(self) -> None:
        super().__init__()
        self.karez = MemoryKarez()
        self.bank = PaperBank()
        self.party = self.karez.party("person", WEALTH_MINOR)
        self.began_minor = self.karez.owed(accounts.clearing(BANK, "CNY"))
        self.calls: list[Taken] = []
        self.gave_up = False

    def read(self, instruction: UUID) -> Instruction:
        return self.karez.row("bank_instruction", Instruction, id=instruction)

    def change(self, instruction: Instruction, expected: dict[str, Any], changes: dict[str, Any]) -> bool:
        row = RowUpdate(
            table="bank_instruction", key={"id": str(instruction.id)}, expected=expected, changes=changes
        )
        return self.karez.submit(self.karez.asking().operation("test.note", {}, rows=(row,))).accepted

    def follow(self, taken: Taken, happening: Happening) -> None:
        """Do what the worker does with an answer."""
        instruction = taken.instruction
        for _ in range(3):
            new = reached(instruction.standing, happening)
            if new is None:
                return
            if not moves_money(instruction.standing, new):
                next_ = next_call(taken.instruction, new, self.karez.now_ns, 0.0, is_alarming=False)
                self.change(
                    instruction,
                    {"due_ns": taken.until_ns, "state": taken.instruction.state},
                    {"state": new, "due_ns": next_.due_ns, "flagged_ns": next_.flagged_ns},
                )
                return
            known = Known(HOUSE, SETTLERS[instruction.purpose], None, has_wallet=True)
            made = decided(self.karez.asking(), known, instruction, new, "")
            if self.karez.submit(made).accepted:
                return
            instruction = self.read(instruction.id)
        raise AssertionError("nobody else changes it meanwhile")

    @rule(target=instructions, is_in=st.booleans(), amount_minor=st.integers(1, 1_000))
    def instruct(self, is_in: bool, amount_minor: int) -> UUID:
        asking = self.karez.asking()
        new = NewInstruction(
            party=self.party,
            direction="collect" if is_in else "pay_out",
            purpose="top_up" if is_in else "withdrawal",
            subject=self.party,
            currency="CNY",
            amount_minor=amount_minor,
            account=accounts.wallet(self.party, "CNY"),
            reference="A1",
            remark="",
        )
        effects = instruct(asking, HOUSE, BankChoice(BANK, ["CNY"], "open"), new)
        self.karez.carry(asking.operation("test", {}, transfers=effects.transfers, rows=effects.rows))
        return instruction_id(asking)

    @rule(id_=instructions)
    def take(self, id_: UUID) -> None:
        """A worker takes it when it is due, even if that is because another one's lease has run out."""
        instruction = self.read(id_)
        if instruction.due_ns is None:
            return
        self.karez.now_ns = max(self.karez.now_ns + 1, instruction.due_ns)
        until_ns = self.karez.now_ns + LEASE_NS
        sends = instruction.standing is State.CREATED
        state = reached(State.CREATED, Happening.SENDING) if sends else instruction.standing
        changes = {"state": state, "due_ns": until_ns, "attempts": instruction.attempts + 1}
        assert self.change(instruction, {"state": instruction.state}, changes)
        self.calls.append(Taken(self.read(id_), sends, until_ns))
        if sends:
            self.bank.send(id_)

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """A call comes to its end, if its worker lives: an order has arrived, or a question is answered."""
        if not self.calls:
            return
        taken = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        id_ = taken.instruction.id
        if not taken.sends:
            self.follow(taken, self.bank.ask(id_))
        elif id_ in self.bank.under_way:
            decisions = (Happening.SUCCESS, Happening.DECLINE, Happening.PROCESSING)
            self.follow(taken, self.bank.arrive(id_, data.draw(st.sampled_from(decisions))))
        else:
            self.follow(taken, self.bank.standings[id_])

    @rule(data=st.data(), is_killed=st.booleans())
    def lose(self, data: st.DataObject, is_killed: bool) -> None:
        """A call gets no answer, or its worker is killed; what was sent may arrive all the same."""
        if self.calls:
            taken = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
            if not is_killed:
                self.follow(taken, Happening.NO_ANSWER)

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        """An order is lost on its way, and its worker waits in vain."""
        if self.bank.under_way:
            self.bank.under_way.pop(data.draw(st.integers(0, len(self.bank.under_way) - 1)))
            self.calls = [each for each in self.calls if not each.sends]

    @rule(data=st.data(), decision=st.sampled_from((Happening.SUCCESS, Happening.DECLINE)))
    def arrive_late(self, data: st.DataObject, decision: Happening) -> None:
        """An order arrives for which nobody waits any more."""
        if self.bank.under_way:
            self.bank.arrive(data.draw(st.sampled_from(self.bank.under_way)), decision)

    @rule(id_=instructions, decision=st.sampled_from((Happening.SUCCESS, Happening.DECLINE)))
    def decide(self, id_: UUID, decision: Happening) -> None:
        """The bank decides what it had in process."""
        if self.bank.standings.get(id_) is Happening.PROCESSING:
            self.bank.standings[id_] = decision

    @rule(id_=instructions)
    def notice(self, id_: UUID) -> None:
        instruction = self.read(id_)
        if instruction.standing in WAITING:
            self.karez.carry(ask_again(self.karez.asking(), instruction))

    @rule(id_=instructions)
    def people_give_up(self, id_: UUID) -> None:
        instruction = self.read(id_)
        if instruction.standing in OPEN:
            self.gave_up = True
            settler = SETTLERS[instruction.purpose]
            self.karez.carry(give_up(self.karez.asking(), HOUSE, instruction, settler, None, "x"))

    @invariant()
    def nothing_is_sent_again_unless_the_bank_never_saw_it(self) -> None:
        for id_, count in self.bank.sent.items():
            assert count <= 1 + self.bank.denied.get(id_, 0)

    @invariant()
    def pay_outs_hold_their_money(self) -> None:
        rows = self.karez.rows("bank_instruction", Instruction)
        waiting_minor = sum(
            each.amount_minor for each in rows if each.direction == "pay_out" and each.standing in OPEN
        )
        assert self.karez.balance(accounts.wallet(self.party, "CNY")).debits_pending == waiting_minor

    @invariant()
    def only_what_the_bank_has_done_is_booked(self) -> None:
        rows = self.karez.rows("bank_instruction", Instruction)
        for each in rows:
            if each.standing in (State.SUCCEEDED, State.SUCCEEDED_LATE):
                assert self.bank.standings[each.id] is Happening.SUCCESS
            assert self.gave_up or each.standing is not State.SUCCEEDED_LATE
        booked_minor = sum(
            each.amount_minor * (1 if each.direction == "collect" else -1)
            for each in rows
            if each.standing in (State.SUCCEEDED, State.SUCCEEDED_LATE)
        )
        assert self.karez.owed(accounts.clearing(BANK, "CNY")) == self.began_minor - booked_minor

    def teardown(self) -> None:
        """Let everything arrive and be decided, and the workers work: then nothing is left over."""
        for id_ in list(self.bank.under_way):
            self.bank.arrive(id_, Happening.SUCCESS)
        for id_, standing in self.bank.standings.items():
            if standing is Happening.PROCESSING:
                self.bank.standings[id_] = Happening.SUCCESS
        self.calls.clear()
        for each in self.karez.rows("bank_instruction", Instruction):
            for _ in range(CALLS_MAX):
                if self.read(each.id).due_ns is None:
                    break
                self.take(each.id)
                (taken,) = self.calls
                self.calls.clear()
                happening = self.bank.ask(each.id)
                if taken.sends:
                    happening = self.bank.arrive(each.id, Happening.SUCCESS)
                self.follow(taken, happening)
        self.only_what_the_bank_has_done_is_booked()
        for each in self.karez.rows("bank_instruction", Instruction):
            is_moved = self.bank.standings.get(each.id) is Happening.SUCCESS
            assert is_moved is (each.standing in (State.SUCCEEDED, State.SUCCEEDED_LATE)), each


InstructionMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrderOfEvents = InstructionMachine.TestCase
