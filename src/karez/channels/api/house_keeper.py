"""The payment house as this process knows it: read once, and again when somebody names a currency it lacks."""

from karez.channels.api.caller_database import CallerDatabase
from karez.services.payments.house import House, read_house


class HouseKeeper:
    """Keeps the house.

    Args:
        database: Where it is read.
    """

    def __init__(self, database: CallerDatabase) -> None:
        self._database = database
        self._house: House | None = None

    async def house(self) -> House:
        """Return the house."""
        return self._house or await self.read_again()

    async def read_again(self) -> House:
        """Return the house as it is now."""
        self._house = await self._database.as_operator(read_house)
        return self._house
