package alipay

import "github.com/smartwalle/alipay/v3"

// TransferScene is what the merchant has agreed with Alipay that its transfers are for. With
// none, Alipay refuses every transfer (TRANSFER_SCENE_NAME_BLANK).
type TransferScene struct {
	Name    string // 转账场景, as it was agreed on
	Reports []SceneReport
}

// SceneReport is one thing that is told of every transfer, as the scene demands it.
type SceneReport struct {
	Type    string `json:"info_type"`
	Content string `json:"info_content"`
}

// sceneTransfer is a transfer with its scene, which the library's type does not know.
type sceneTransfer struct {
	alipay.FundTransUniTransfer
	Scene   string        `json:"transfer_scene_name,omitempty"`
	Reports []SceneReport `json:"transfer_scene_report_infos,omitempty"`
}

func (p *Provider) inScene(transfer alipay.FundTransUniTransfer) sceneTransfer {
	return sceneTransfer{transfer, p.config.Transfers.Name, p.config.Transfers.Reports}
}
