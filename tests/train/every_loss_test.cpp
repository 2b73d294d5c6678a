// Every loss of the registry trains a student beside an ensemble, lowers its own term, and goes on bit for bit.
#include "retort/losses.h"
#include "train/tiny_distilling.h"

namespace retort::test {
namespace {

// Small memories, so that they are full before the first epoch ends; a weight where the default is not felt.
std::string spec(const std::string& name) {
  if (name == "crd") return "crd:negatives=8:dim=8";
  if (name == "correlation") return "correlation:weight=100";
  return name == "label_free" ? "label_free:queue=32" : name;
}

TEST_F(DistillTest, EveryLossLowersItsTermAndResumes) {
  make_ensemble();
  for (const ListedItem& item : list_losses()) {
    SCOPED_TRACE(item.name);
    DistillOptions live{.teacher = path("ensemble"), .teacher_precision = "f32"};
    live.loss = spec(item.name);
    live.alpha = 0.9;
    TrainOptions o = student(item.name, live);
    o.model = "resnet8_quarter";
    o.optimizer = "adamw";  // which makes nothing of how large a loss is
    o.lr = 0.003;
    o.epochs = 4;
    o.augment = "";
    train(o);
    const std::vector<double> terms = losses(item.name, "distill_loss");
    EXPECT_LT(terms.back(), terms.front());
    o.out = path(item.name + " stopped");
    EXPECT_TRUE(train(o, stop_after(6)).stopped);
    o.resume = true;
    EXPECT_FALSE(train(o).stopped);
    EXPECT_TRUE(weights(item.name) == weights(item.name + " stopped"));
  }
}

}  // namespace
}  // namespace retort::test
