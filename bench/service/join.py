"""A realistic service: it validates an order, asks two systems for its user,
and joins what they say."""

from serai import Model, Service, dataclass


@dataclass(init=False)
class Item(Model):
    sku: str
    price: int
    count: int


@dataclass(init=False)
class Order(Model):
    user_name: str
    country: str
    items: list[Item]


class Join(Service):
    name = "bench.join"

    input = Order

    def handle(self):
        order = self.request.input
        user = self.rest["CRM"].get(self.cid, {"UserName": order.user_name}).data
        account = self.rest["Payments"].post(self.cid, {"ACC_NUM": user["AccountNumber"]}).data
        net = sum(item.price * item.count for item in order.items)
        self.response.payload = {
            "user_name": order.user_name,
            "user_type": user["UserType"],
            "account_no": user["AccountNumber"],
            "account_balance": account["ACC_BALANCE"],
            "lines": len(order.items),
            "net": net,
            "covered": net <= account["ACC_BALANCE"],
        }
