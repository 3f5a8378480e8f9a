"""The six services of the shop and their two faults.

    visitors ─► frontend ─┬─► cart
                          ├─► inventory ◄─┐
                          └─► orders ─────┘
                                 └╌╌► payments, then shipping   (after the answer, same trace)

`orders` charges the customer after it has answered, as shops do; so the slow SQL call shows where it
is, in `payments`, and not in every service above it. The frontend tries a failed order once more.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opentelemetry import context as otel_context
from opentelemetry._logs import SeverityNumber

from coral.demo.shop.database import Database, SqlValue
from coral.demo.shop.faults import Deck
from coral.demo.shop.http import Request, Response, Route, ServiceClient, ServiceServer
from coral.demo.shop.telemetry import OtlpAddresses, Telemetry, Wire, otlp_telemetry
from coral.demo.shop.truth import TruthFile

FAILING_ORDERS = 14
"""One of so many orders fails: 7.1 %."""

SLOW_PAYMENTS = 12
"""One of so many payments meets the slow SQL call: 8.3 %."""

SLOW_SECONDS = (0.6, 0.9)
"""How long a slow SQL call takes, from and to."""

PRODUCTS = 200
"""How many products the shop sells; as in `schema/inventory.sql`."""

USERS = 500
"""How many customers it has; as in `schema/payments.sql`."""

CARRIERS = ("bike", "van", "post")
"""Who brings the parcels."""

CHARGE_WORKERS = 8
"""How many payments `orders` has under way at once."""


class PriceMismatchError(Exception):
    """What makes an order fail: the demo's second fault."""


@dataclass(frozen=True)
class ShopSettings:
    """Everything the shop needs to start."""

    addresses: OtlpAddresses
    folder: Path
    seed: str
    truth: TruthFile | None = None


@dataclass(frozen=True)
class _Service:
    server: ServiceServer
    telemetry: Telemetry


class Shop:
    """The running services. Start it, send visitors to `frontend`, then drain, flush and stop it."""

    def __init__(self, settings: ShopSettings) -> None:
        self._settings = settings
        self._services: list[_Service] = []
        self._databases: list[Database] = []
        self._clients: list[ServiceClient] = []
        self._charges = ThreadPoolExecutor(CHARGE_WORKERS, thread_name_prefix="charge")
        inventory = self._inventory()
        cart = self._cart()
        payments = self._payments()
        shipping = self._shipping()
        orders = self._orders(inventory, payments, shipping)
        self.frontend = self._frontend(cart, inventory, orders).address

    def start(self) -> None:
        """Begins to answer requests."""
        for service in self._services:
            service.server.start()

    def drain(self) -> None:
        """Waits until every charge is done; call it when no visitor is left."""
        self._charges.shutdown(wait=True)

    def flush(self, timeout_seconds: float) -> bool:
        """Sends all telemetry; false when some of it was not accepted in time."""
        sent = [service.telemetry.flush(timeout_seconds) for service in self._services]
        return all(sent)

    def stop(self) -> None:
        """Stops the servers, then the exporters, after they have sent what is left."""
        self._charges.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()
        for service in self._services:
            service.server.stop()
        for service in self._services:
            service.telemetry.shutdown()
        for database in self._databases:
            database.close()

    def _telemetry(self, service: str, wire: Wire) -> Telemetry:
        return otlp_telemetry(service, self._settings.addresses, wire, self._settings.truth)

    def _database(
        self,
        telemetry: Telemetry,
        functions: dict[str, Callable[[SqlValue], SqlValue]] | None = None,
    ) -> Database:
        path = self._settings.folder / f"{telemetry.service}.sqlite"
        schema = Path(__file__).parent / "schema" / f"{telemetry.service}.sql"
        database = Database(path, telemetry, schema.read_text(encoding="utf-8"), functions)
        self._databases.append(database)
        return database

    def _client(self, telemetry: Telemetry, server: ServiceServer) -> ServiceClient:
        client = ServiceClient(telemetry, server)
        self._clients.append(client)
        return client

    def _serve(self, telemetry: Telemetry, *routes: Route) -> ServiceServer:
        server = ServiceServer(telemetry, routes)
        self._services.append(_Service(server, telemetry))
        return server

    def _inventory(self) -> ServiceServer:
        telemetry = self._telemetry("inventory", Wire("http/protobuf", gzip=True))
        database = self._database(telemetry)

        def show(request: Request) -> Response:
            rows = database.run(
                "SELECT",
                "products",
                "SELECT name, price, stock FROM products WHERE id = ?",
                (int(request.path_params["id"]),),
            )
            if not rows:
                return Response(404, {"error": "no such product"})
            name, price, stock = rows[0]
            return Response(200, {"name": name, "price": price, "in_stock": stock})

        def reserve(request: Request) -> Response:
            with telemetry.tracer.start_as_current_span("reserve stock"):
                database.run(
                    "UPDATE",
                    "products",
                    "UPDATE products SET stock = stock - 1 WHERE id = ? AND stock > 0",
                    (request.body["product"],),
                )
            return Response(201)

        return self._serve(
            telemetry, Route("GET", "/products/{id}", show), Route("POST", "/reservations", reserve)
        )

    def _cart(self) -> ServiceServer:
        telemetry = self._telemetry("cart", Wire("http/protobuf", gzip=False))
        database = self._database(telemetry)

        def show(request: Request) -> Response:
            rows = database.run(
                "SELECT",
                "items",
                "SELECT product FROM items WHERE customer = ?",
                (request.path_params["user"],),
            )
            return Response(200, {"items": rows})

        def put(request: Request) -> Response:
            database.run(
                "INSERT",
                "items",
                "INSERT OR REPLACE INTO items VALUES (?, ?)",
                (request.path_params["user"], request.body["product"]),
            )
            return Response(201)

        return self._serve(
            telemetry, Route("GET", "/carts/{user}", show), Route("POST", "/carts/{user}/items", put)
        )

    def _payments(self) -> ServiceServer:
        telemetry = self._telemetry("payments", Wire("grpc", gzip=False))
        slow = Deck(SLOW_PAYMENTS, f"{self._settings.seed}/payments")

        def fraud_score(_number: SqlValue) -> SqlValue:
            # Runs inside SQLite, once per row of the query: the time is spent in the SQL call.
            if slow.is_bad():
                time.sleep(slow.between(*SLOW_SECONDS))
            return 0.1

        database = self._database(telemetry, {"fraud_score": fraud_score})

        def charge(request: Request) -> Response:
            database.run(
                "SELECT",
                "cards",
                "SELECT fraud_score(number) FROM cards WHERE holder = ?",
                (request.body["user"],),
            )
            database.run(
                "INSERT",
                "payments",
                "INSERT INTO payments (order_id, cents) VALUES (?, ?)",
                (request.body["order"], request.body["cents"]),
            )
            return Response(201)

        return self._serve(telemetry, Route("POST", "/payments", charge))

    def _shipping(self) -> ServiceServer:
        telemetry = self._telemetry("shipping", Wire("grpc", gzip=True))
        database = self._database(telemetry)

        def ship(request: Request) -> Response:
            with telemetry.tracer.start_as_current_span("choose carrier") as span:
                carrier = CARRIERS[zlib.crc32(request.body["order"].encode()) % len(CARRIERS)]
                span.set_attribute("demo.carrier", carrier)
            database.run(
                "INSERT",
                "shipments",
                "INSERT OR REPLACE INTO shipments VALUES (?, ?)",
                (request.body["order"], carrier),
            )
            return Response(201, {"carrier": carrier})

        return self._serve(telemetry, Route("POST", "/shipments", ship))

    def _orders(
        self, inventory_server: ServiceServer, payments_server: ServiceServer, shipping_server: ServiceServer
    ) -> ServiceServer:
        telemetry = self._telemetry("orders", Wire("grpc", gzip=False))
        failing = Deck(FAILING_ORDERS, f"{self._settings.seed}/orders")
        inventory = self._client(telemetry, inventory_server)
        payments = self._client(telemetry, payments_server)
        shipping = self._client(telemetry, shipping_server)
        database = self._database(telemetry)

        def charge(order: str, user: str, parent: otel_context.Context) -> None:
            with telemetry.tracer.start_as_current_span("charge order", context=parent):
                payments.call("POST", "/payments", {"order": order, "user": user, "cents": 1999})
                shipping.call("POST", "/shipments", {"order": order})

        def create(request: Request) -> Response:
            if failing.is_bad():
                raise PriceMismatchError("the price changed while the order was placed")
            order, product = request.body["order"], request.body["product"]
            inventory.call("POST", "/reservations", {"product": product})
            database.run("INSERT", "orders", "INSERT OR REPLACE INTO orders VALUES (?, ?)", (order, product))
            telemetry.log(SeverityNumber.INFO, f"order {order} is placed", {"demo.product": product})
            self._charges.submit(charge, order, request.body["user"], otel_context.get_current())
            return Response(201, {"order": order})

        return self._serve(telemetry, Route("POST", "/orders", create))

    def _frontend(
        self, cart_server: ServiceServer, inventory_server: ServiceServer, orders_server: ServiceServer
    ) -> ServiceServer:
        telemetry = self._telemetry("frontend", Wire("grpc", gzip=True))
        cart = self._client(telemetry, cart_server)
        inventory = self._client(telemetry, inventory_server)
        orders = self._client(telemetry, orders_server)

        def product(request: Request) -> Response:
            return inventory.call("GET", f"/products/{request.path_params['id']}")

        def show_cart(request: Request) -> Response:
            return cart.call("GET", f"/carts/{request.path_params['user']}")

        def checkout(request: Request) -> Response:
            user = request.path_params["user"]
            cart.call("POST", f"/carts/{user}/items", {"product": request.body["product"]})
            order = {**request.body, "user": user}
            answer = orders.call("POST", "/orders", order)
            if answer.status >= 500:
                telemetry.log(SeverityNumber.WARN, "the order failed, trying once more", {"user.id": user})
                answer = orders.call("POST", "/orders", order)
            return answer if answer.status < 500 else Response(502, {"error": "the order failed twice"})

        return self._serve(
            telemetry,
            Route("GET", "/products/{id}", product),
            Route("GET", "/cart/{user}", show_cart),
            Route("POST", "/checkout/{user}", checkout),
        )
