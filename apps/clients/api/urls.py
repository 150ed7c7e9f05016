from rest_framework.routers import SimpleRouter

from apps.clients.api.views import ClientKeyViewSet

router = SimpleRouter(trailing_slash=False)
router.register("clients", ClientKeyViewSet, basename="clientkey")

urlpatterns = router.urls
