"""An invalid event is an internal error."""

from skeleton import Driver, Refusal, run


class WrongCode(Driver):
    async def publish(self, client, event):
        try:
            return await super().publish(client, event)
        except Refusal as error:
            raise Refusal(-32603 if error.code == -32001 else error.code, str(error)) from None


run(WrongCode)
