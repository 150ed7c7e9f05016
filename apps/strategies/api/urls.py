from rest_framework.routers import SimpleRouter

from apps.strategies.api.views import StrategyViewSet

router = SimpleRouter(trailing_slash=False)
router.register("strategies", StrategyViewSet, basename="strategy")

urlpatterns = router.urls
