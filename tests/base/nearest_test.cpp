#include "base/nearest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace peira {
namespace {

TEST(NearestName, FindsWhatWasMeant) {
  const std::vector<std::string> names{"limit", "epochs", "max_tokens", "data"};
  EXPECT_EQ(nearest_name("limitt", names), "limit");
  EXPECT_EQ(nearest_name("lmiit", names), "limit");  // a swap is one edit
  EXPECT_EQ(nearest_name("Epoch", names), "epochs");
  EXPECT_EQ(nearest_name("maxtoken", names), "max_tokens");
  EXPECT_EQ(nearest_name("dat", names), "data");
}

TEST(NearestName, SaysNothingWhenNothingIsNear) {
  const std::vector<std::string> names{"limit", "epochs"};
  EXPECT_EQ(nearest_name("temperature", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'l'), names), "");
  EXPECT_EQ(nearest_name("limit", {}), "");
}

}  // namespace
}  // namespace peira
