"""The small-image nets of the distillation papers in PyTorch, as mdistiller defines them, and timm's for the rest."""

import torch
from torch import nn
from torch.nn import functional as F


def conv3x3(inputs, outputs, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3x3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    """He et al. 2016, section 4.2: three stages of (depth - 2) / 6 blocks."""

    def __init__(self, depth, widths, classes, channels):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(channels, widths[0]), nn.BatchNorm2d(widths[0])
        blocks = []
        for before, width, stride in zip(widths, widths[1:], (1, 2, 2)):
            for i in range((depth - 2) // 6):
                blocks.append(BasicBlock(before if i == 0 else width, width, stride if i == 0 else 1))
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.fc(self.blocks(x).mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3x3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3x3(outputs, outputs)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        pre = F.relu(self.bn1(x), inplace=True)
        y = self.conv2(F.relu(self.bn2(self.conv1(pre)), inplace=True))
        return y + (x if self.shortcut is None else self.shortcut(pre))


class WideResNet(nn.Module):
    """Zagoruyko and Komodakis 2016: three stages of (depth - 4) / 6 blocks that normalise first."""

    def __init__(self, depth, widen, classes, channels):
        super().__init__()
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv1 = conv3x3(channels, 16)
        blocks = []
        for before, width, stride in zip(widths, widths[1:], (1, 2, 2)):
            for i in range((depth - 4) // 6):
                blocks.append(WideBlock(before if i == 0 else width, width, stride if i == 0 else 1))
        self.blocks, self.bn1 = nn.Sequential(*blocks), nn.BatchNorm2d(widths[-1])
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.blocks(self.conv1(x))), inplace=True)
        return self.fc(x.mean((2, 3)))


class Vgg8(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        layers, before = [], channels
        for width, pool in ((64, True), (128, True), (256, True), (512, False), (512, False)):
            layers += [conv3x3(before, width, bias=True), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2, 2)] if pool else []
            before = width
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(512, classes)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


SMALL = {
    "resnet8": lambda classes, channels: ResNet(8, [16, 16, 32, 64], classes, channels),
    "resnet8_quarter": lambda classes, channels: ResNet(8, [4, 4, 8, 16], classes, channels),
    "resnet8_half": lambda classes, channels: ResNet(8, [8, 8, 16, 32], classes, channels),
    "resnet20": lambda classes, channels: ResNet(20, [16, 16, 32, 64], classes, channels),
    "wrn_16_2": lambda classes, channels: WideResNet(16, 2, classes, channels),
    "vgg8": Vgg8,
}


def make_net(name, classes, channels):
    """A net in channels-last memory format."""
    if name in SMALL:
        net = SMALL[name](classes, channels)
    else:
        import timm  # takes seconds to import

        net = timm.create_model(name, num_classes=classes, in_chans=channels)
    return net.to(memory_format=torch.channels_last)
