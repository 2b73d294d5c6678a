// Vision transformers (Dosovitskiy et al. 2020) and DeiT (Touvron et al. 2020) as timm builds them: norms before
// attention and perceptron, a class token, no norm of the pooled features; DeiT's distillation token comes second.
#include "zoo/families.h"

namespace retort {

namespace {

int linear(GraphBuilder& b, int x, const std::string& name, int64_t out) {
  return b.linear(x, name, out, Init::trunc_normal);
}

int block(GraphBuilder& b, int x, const std::string& name, int64_t heads) {
  const int64_t features = b.channels_of(x);
  int y = linear(b, b.layer_norm(x, name + ".norm1"), name + ".attn.qkv", 3 * features);
  y = linear(b, b.attention(y, name + ".attn.heads", heads), name + ".attn.proj", features);
  x = b.apply(Op::add, name + ".add1", {y, x});
  y = linear(b, b.layer_norm(x, name + ".norm2"), name + ".mlp.fc1", 4 * features);
  y = linear(b, b.apply(Op::gelu, name + ".mlp.act", {y}), name + ".mlp.fc2", features);
  return b.apply(Op::add, name + ".add2", {y, x});
}

}  // namespace

Graph build_vit(GraphBuilder& b, const VitOptions& options) {
  constexpr int kBlocks = 12;
  const int64_t grid = b.image_size() / options.patch_size;
  if (grid < 1) {
    fail_usage("zoo", "images of ", b.image_size(), " pixels are smaller than a patch of ", options.patch_size,
               "; resize them with --img-size");
  }
  GraphBuilder::Conv patches{.out = options.embed_dim, .kernel = options.patch_size, .stride = options.patch_size};
  patches.bias = true;
  patches.init = Init::torch_default;  // timm leaves it as PyTorch makes it
  int x = b.conv2d(b.input(), "patch_embed.proj", patches);
  x = b.apply(Op::tokens, "patch_embed.flatten", {x});
  if (options.distilled) x = b.class_token(x, "dist_token", Init::trunc_normal);
  x = b.class_token(x, "cls_token");
  x = b.position_embedding(x, "pos_embed", (options.distilled ? 2 : 1) + grid * grid);
  for (int i = 0; i < kBlocks; ++i) x = block(b, x, str("blocks.", i), options.num_heads);
  x = b.layer_norm(x, "norm");
  const int pool = b.first_token(x, "pool"), head = linear(b, pool, "head", b.classes());
  if (!options.distilled) return b.finish("patch_embed.proj", "head");
  const int distill_head = linear(b, b.first_token(x, "pool_dist", 1), "head_dist", b.classes());
  b.apply(Op::mean, "mean", {head, distill_head});
  return b.finish("patch_embed.proj", "head", "head_dist");
}

}  // namespace retort
